import { atMost, every } from '../core/time.ts';
import type { ClientView } from '../queue/client-view.ts';
import type { ReadOfEach } from '../queue/read-of-each.ts';
import type { Watchdog } from './watchdog.ts';

type Views = ReadonlyMap<string, ClientView>;

/** The state of all queues, but of the clients that could not be read; or why Redis did not give it. */
export type QueueReading =
  | { readonly ok: true; readonly views: Views; readonly unread: readonly string[] }
  | { readonly ok: false; readonly reason: string };

/** Reads the state of all queues, when it is asked for and regularly for the watchdog. */
export class QueueMonitor {
  readonly #readNow: () => Promise<QueueReading>;
  #latest: { readonly reading: QueueReading; readonly at: number } | undefined;
  #isStopped = false;

  /** @param limitMs how long Redis may take to answer */
  constructor(readViews: () => Promise<ReadOfEach<ClientView>>, limitMs: number, watchdog: Watchdog) {
    this.#readNow = oneAtATime(async () => {
      const reading = await within(limitMs, readViews());
      const at = performance.now();
      if (reading.ok && !this.#isStopped) watchdog.note(reading.views, at);
      this.#latest = { reading, at };
      return reading;
    });
  }

  /** The latest good reading if it is not older than that, or a new one; never rejects. */
  async read(maxAgeMs: number): Promise<QueueReading> {
    const { reading, at = 0 } = this.#latest ?? {};
    return reading?.ok && performance.now() - at <= maxAgeMs ? reading : this.#readNow();
  }

  /** Reads regularly. @param everyMs the wait between two readings. @returns what stops it */
  start(everyMs: () => number): () => void {
    const stop = every(everyMs, this.#readNow);
    return () => {
      this.#isStopped = true;
      void stop();
    };
  }
}

async function within(limitMs: number, views: Promise<ReadOfEach<ClientView>>): Promise<QueueReading> {
  const reading = views.then(
    ({ found, unread }): QueueReading => ({ ok: true, views: found, unread }),
    (error: Error): QueueReading => ({ ok: false, reason: error.message }),
  );
  return (await atMost(limitMs, reading)) ?? { ok: false, reason: `no answer within ${limitMs} ms` };
}

/** Callers that ask while an answer is being made get the same one. */
export function oneAtATime<T>(make: () => Promise<T>): () => Promise<T> {
  let making: Promise<T> | undefined;
  return () => {
    making ??= make().finally(() => {
      making = undefined;
    });
    return making;
  };
}
