/*
 * Waybill as a library: a producer that puts events into delivery. `waybill/service` delivers them in one's own
 * process, `waybill/sandbox` plays a client in tests; everything about dead letters is done with the `waybill` command.
 */

export { ConfigError, type ConfigProblem } from './config/config-error.ts';
export type { Config, ConfigInput, ResolvedClient } from './config/config-schema.ts';
export { loadConfig, parseConfig } from './config/load-config.ts';
export type { EventTypeName, PayloadOf, SentPayloadOf } from './core/event-types.ts';
export type { Problem } from './core/problem.ts';
export { WaybillError } from './core/waybill-error.ts';
export type { SubmitManyOptions, SubmitOptions } from './intake/submit-options.ts';
export type { Accepted, RefusalCode, Refused, SubmitResult, Unknown } from './intake/submit-result.ts';
export { createProducer, type Producer, type ProducerOptions } from './service/producer.ts';
