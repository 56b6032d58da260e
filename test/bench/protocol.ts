import type { Profiler } from 'node:inspector';
import type { ClientSettings } from '../../src/sandbox/company.ts';
import type { ReceiverKind } from './receiver-servers.ts';

/*
 * What the benchmark asks of its child processes: each command takes one argument and has one answer.
 */

/** Events of one turn: the first `leadIn` answers are not timed, so that nobody's start-up is. */
export interface Turn {
  readonly leadIn: number;
  readonly total: number;
}

/** What the receiver saw between the last request of the lead-in and the last one of all. */
export interface Window {
  readonly events: number;
  readonly seconds: number;
  /** The share of one core that the receiver used. */
  readonly busy: number;
}

/** What reached the receiver since the turn began. */
export interface Tally {
  readonly received: number;
  readonly wrong: number;
  readonly firstWrong: string | undefined;
}

/** Commands of the receiver's process; a type, since a child's commands must be indexable. */
export type ReceiverCommands = {
  /** Listens on loopback; answers with the port. */
  listen(kind: ReceiverKind): Promise<number>;
  /** Begins to count from 0. */
  count(turn: Turn): Promise<void>;
  /** Answers when the last request of the turn has come. */
  window(argument: undefined): Promise<Window>;
  tally(argument: undefined): Promise<Tally>;
};

/** How bare undici is called. */
export type UndiciApi = 'request' | 'dispatch';

export const UNDICI_APIS: readonly UndiciApi[] = ['request', 'dispatch'];

/** Where the contenders find what they work with. */
export interface Places {
  readonly port: number;
  readonly redisSocket: string;
  readonly undiciApi: UndiciApi;
  /** Of Waybill's client, beside those that all contenders share. */
  readonly settings?: Partial<ClientSettings>;
}

/** What a contender's process used between start and stop. */
export interface Usage {
  readonly cpuMs: number;
}

/** Commands of a process that delivers. */
export type SenderCommands = {
  /** Makes ready to send so many events; not timed. */
  prepare(total: number): Promise<void>;
  /** Begins to send. */
  start(argument: undefined): Promise<void>;
  /** Finishes and closes everything. */
  stop(argument: undefined): Promise<Usage>;
  startProfile(argument: undefined): Promise<void>;
  stopProfile(argument: undefined): Promise<Profiler.Profile>;
};

/** What one turn of intake came to. */
export interface Taken {
  readonly seconds: number;
  readonly cpuMs: number;
}

/** Commands of the process that takes events in. */
export type IntakeCommands = {
  /** Submits so many events, and answers when Redis has them all. */
  submit(total: number): Promise<Taken>;
};
