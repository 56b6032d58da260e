import type { Places } from './protocol.ts';

/** A contender that delivers, in a process of its own. */
export interface Sender {
  /** Makes ready to send so many events. */
  prepare(total: number): Promise<void>;
  /** Begins to send; whatever fails later ends the process. */
  start(): Promise<void>;
  /** Waits for what is under way and closes everything. */
  stop(): Promise<void>;
}

/** Builds a contender. */
export type CreateSender = (places: Places) => Sender;
