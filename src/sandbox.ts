/*
 * A client for the tests of a program that sends events through Waybill: a real HTTP server on a loopback port, which
 * answers as it is told and remembers what came.
 */

export type { Answer, AnswerLike, BadAnswer, Behaviour, PlainAnswer } from './sandbox/answer.ts';
export { WaitTimeoutError } from './sandbox/change-signal.ts';
export {
  type ClientSettings,
  type Company,
  type CompanyOptions,
  startCompany,
} from './sandbox/company.ts';
export type { CompanyAuth } from './sandbox/company-auth.ts';
export type { Address } from './sandbox/listener.ts';
export type { Answered, ReceivedRequest, RequestHistory, Tally } from './sandbox/request-log.ts';
export type { Reply, Script } from './sandbox/scripts.ts';
