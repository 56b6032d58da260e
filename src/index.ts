/*
 * Waybill as a library: a producer that puts events into delivery. Running the service, and everything about
 * dead letters, is done with the `waybill` command.
 */
export { loadConfig, parseConfig } from './config.ts';
export { ConfigError } from './core/config-error.ts';
export type { ConfigProblem } from './core/config-problem.ts';
export type { Config, ConfigInput, ResolvedClient } from './core/config-schema.ts';
export type { EventTypeName, PayloadOf, SentPayloadOf } from './core/event-types.ts';
export type { Problem } from './core/problem.ts';
export { WaybillError } from './core/waybill-error.ts';
export type { SubmitManyOptions, SubmitOptions } from './intake/submit-options.ts';
export type { Accepted, RefusalCode, Refused, SubmitResult, Unknown } from './intake/submit-result.ts';
export { createProducer, type Producer, type ProducerOptions } from './producer.ts';
