import type { Redis } from 'ioredis';
import { WORK_CHANNEL } from './scripts/wake.ts';

/** A Redis that does not answer the subscriber for so long has lost it, and is connected to anew. */
const SILENT_MS = 10_000;
/** The longest timer: the clock may be set meanwhile, and the timers of Node end at 24 days. */
const LONGEST_TIMER_MS = 60_000;

/** What a subscriber works with. */
export interface SubscriberParts {
  /** The connection for commands; the subscriber opens one like it. */
  readonly redis: Redis;
  /** Work is due in a queue at this time: ms since the epoch, 0: at once. */
  onWork(queue: string, dueAt: number): void;
  /** It is subscribed, for the first time or anew: what was published before was not heard. */
  onSubscribed(): void;
  onError(error: Error): void;
}

/**
 * Hears of work for the queues of this process, over one connection of its own; it is opened and subscribed anew each
 * time that it is lost.
 */
export function subscribeToWork({ redis, onWork, onSubscribed, onError }: SubscriberParts): Redis {
  const subscriber = redis.duplicate({
    autoResubscribe: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    socketTimeout: SILENT_MS,
    connectionName: 'waybill-worker-subscriber',
  });
  subscriber.on('error', onError);
  subscriber.on('ready', () => {
    subscriber.subscribe(WORK_CHANNEL).then(onSubscribed, (error: Error) => {
      // If the connection was lost, the next one is subscribed.
      if (subscriber.status === 'ready') onError(error);
    });
  });
  subscriber.on('message', (_channel, message) => {
    const space = message.indexOf(' ');
    onWork(message.slice(space + 1), Number(message.slice(0, space)));
  });
  return subscriber;
}

/**
 * When a queue is to be asked for work again. Its one waiter calls `reset`, asks the queue, and if there was nothing,
 * calls `wait`: what was heard while the answer was on its way ends that wait at once.
 */
export class NextWork {
  readonly #now: () => number;
  #dueAt = Number.POSITIVE_INFINITY;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;
  #endWait: (() => void) | undefined;

  /** @param now ms since the epoch */
  constructor(now: () => number) {
    this.#now = now;
  }

  reset(): void {
    this.#dueAt = Number.POSITIVE_INFINITY;
  }

  /** Work is due at this time: ms since the epoch, 0: at once. */
  hear(dueAt: number): void {
    if (dueAt >= this.#dueAt) return;
    this.#dueAt = dueAt;
    if (this.#endWait !== undefined) this.#setTimer(this.#endWait);
  }

  /** Resolves once work is due, or after a minute if it is due later. Never rejects. */
  async wait(): Promise<void> {
    if (this.#isClosed || this.#dueAt <= this.#now()) return;
    await new Promise<void>((resolve) => {
      this.#endWait = resolve;
      this.#setTimer(resolve);
    });
    clearTimeout(this.#timer);
    this.#endWait = undefined;
  }

  /** Ends this wait and all that follow. */
  close(): void {
    this.#isClosed = true;
    this.#endWait?.();
  }

  #setTimer(endWait: () => void): void {
    clearTimeout(this.#timer);
    const ms = Math.ceil(this.#dueAt - this.#now());
    if (ms <= 0) endWait();
    else if (ms < Number.POSITIVE_INFINITY) this.#timer = setTimeout(endWait, Math.min(ms, LONGEST_TIMER_MS));
  }
}
