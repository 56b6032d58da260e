import type { Redis } from 'ioredis';
import { afterRunning } from '../core/time.ts';
import { WaybillError } from '../core/waybill-error.ts';

/** How long replicas are waited for; once that was in vain, until they are there again, for less. */
const PATIENCE_MS = 1_000;
const SHORT_PATIENCE_MS = 100;
/** How much later than it promised a server may answer. */
const DELAY_MS = 1_000;

/**
 * Asks a server which of the writes of this connection its replicas have, by WAIT: one question at a time for all
 * writes that were answered before it, since WAIT holds up the connection.
 */
class Replicas {
  readonly #server: Redis;
  #patienceMs = PATIENCE_MS;
  #underWay: Promise<number> | undefined;
  #next: Promise<number> | undefined;

  constructor(server: Redis) {
    this.#server = server;
  }

  /** How many replicas have what was answered on this connection before this call. Rejects if the connection is lost. */
  confirmed(wanted: number): Promise<number> {
    this.#next ??= this.#ask(wanted, this.#underWay);
    return this.#next;
  }

  async #ask(wanted: number, before: Promise<number> | undefined): Promise<number> {
    await before?.catch(() => {});
    // What is answered from here on was not asked about.
    this.#underWay = this.#next;
    this.#next = undefined;
    const count = await this.#wait(wanted);
    this.#patienceMs = count < wanted ? SHORT_PATIENCE_MS : PATIENCE_MS;
    return count;
  }

  async #wait(wanted: number): Promise<number> {
    const { stream } = this.#server;
    const patienceMs = this.#patienceMs;
    const answer = this.#server.wait(wanted, patienceMs);
    const late = new Promise<never>((_, reject) => {
      const stop = afterRunning(patienceMs + DELAY_MS, () => reject(new Error('WAIT was not answered')));
      answer.then(stop, stop);
    });
    const count = await Promise.race([answer, late]);
    // Of a connection that has written nothing, WAIT says that the replicas have it all.
    if (this.#server.stream !== stream) throw new Error('the connection was lost');
    return count;
  }
}

const known = new WeakMap<Redis, Replicas>();

/**
 * Waits until so many replicas have what was written over this connection, and answered; for a second at most.
 *
 * @param stream that of the connection when the write was sent
 * @returns undefined: they have it; otherwise the error `REDIS_NOT_REPLICATED`
 */
export async function whyNotReplicated(
  server: Redis,
  wanted: number,
  stream: Redis['stream'],
): Promise<WaybillError | undefined> {
  if (wanted === 0) return undefined;
  const replicas = known.get(server) ?? new Replicas(server);
  known.set(server, replicas);
  let confirmed: string;
  try {
    if (server.stream !== stream) throw new Error('the connection was lost');
    const count = await replicas.confirmed(wanted);
    if (count >= wanted) return undefined;
    confirmed = `${count} of ${wanted} replica${wanted === 1 ? '' : 's'} confirmed it`;
  } catch (error) {
    confirmed = `no replica confirmed it: ${(error as Error).message}`;
  }
  const message = `Redis has the event, but ${confirmed}; if the master fails now, it may be lost`;
  return new WaybillError('REDIS_NOT_REPLICATED', message);
}
