import { type Redis, ReplyError } from 'ioredis';
import { afterRunning } from '../core/time.ts';
import { WaybillError } from '../core/waybill-error.ts';
import { reasonOf } from './until-writable.ts';

/** How long replicas are waited for. */
const PATIENCE_MS = 1_000;
/** Once that was in vain, until they are there again; longer than a round trip between continents takes. */
const SHORT_PATIENCE_MS = 300;
/** How much later than it promised a server may answer. */
const DELAY_MS = 1_000;

const LOST = 'the connection was lost';

/**
 * Asks a server which of the writes of this connection its replicas have, by WAIT: one question at a time for all
 * writes that were answered before it, since WAIT holds up the connection.
 */
class Replicas {
  readonly #server: Redis;
  #patienceMs = PATIENCE_MS;
  #underWay: Promise<number | string> | undefined;
  #next: Promise<number | string> | undefined;

  constructor(server: Redis) {
    this.#server = server;
  }

  /**
   * How many replicas have what was answered on this connection before this call, or why it is not known. If the
   * connection is another one by then, the answer is about that one.
   */
  confirmed(wanted: number): Promise<number | string> {
    this.#next ??= this.#ask(wanted, this.#underWay);
    return this.#next;
  }

  async #ask(wanted: number, before: Promise<unknown> | undefined): Promise<number | string> {
    await before;
    // What is answered from here on was not asked about.
    this.#underWay = this.#next;
    this.#next = undefined;
    const count = await this.#wait(wanted);
    if (typeof count === 'number') this.#patienceMs = count < wanted ? SHORT_PATIENCE_MS : PATIENCE_MS;
    return count;
  }

  #wait(wanted: number): Promise<number | string> {
    const answer = this.#server
      .wait(wanted, this.#patienceMs)
      .catch((error: Error) => (error instanceof ReplyError ? reasonOf(error) : LOST));
    const late = new Promise<string>((resolve) => {
      const stop = afterRunning(this.#patienceMs + DELAY_MS, () => resolve('WAIT was not answered'));
      answer.then(stop);
    });
    return Promise.race([answer, late]);
  }
}

const known = new WeakMap<Redis, Replicas>();

/**
 * Waits until so many replicas have what was written over this connection, and answered; for a second at most, behind
 * a question that is under way for two.
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
  const isSame = (): boolean => server.stream === stream;
  const count = isSame() ? await replicas.confirmed(wanted) : LOST;
  // Of a connection that has written nothing, WAIT says that the replicas have it all.
  const confirmed = isSame() ? count : LOST;
  if (typeof confirmed === 'number' && confirmed >= wanted) return undefined;
  const found =
    typeof confirmed === 'number'
      ? `${confirmed} of ${wanted} replica${wanted === 1 ? '' : 's'} confirmed it`
      : `no replica confirmed it: ${confirmed}`;
  const message = `Redis has the event, but ${found}; if the master fails now, it may be lost`;
  return new WaybillError('REDIS_NOT_REPLICATED', message);
}
