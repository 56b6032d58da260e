import { atMost, every } from '../core/time.ts';
import type { ClientView } from '../queue/client-view.ts';
import type { Watchdog } from './watchdog.ts';

type Views = ReadonlyMap<string, ClientView>;

/** The state of all queues; or why Redis did not give it. */
export type QueueReading =
  | { readonly ok: true; readonly views: Views }
  | { readonly ok: false; readonly reason: string };

/** Reads the state of all queues, when it is asked for and regularly for the watchdog. */
export interface QueueMonitor {
  /** The latest good reading if it is not older than that, or a new one; never rejects. */
  read(maxAgeMs: number): Promise<QueueReading>;
  start(): void;
  stop(): void;
}

/** What a monitor needs. */
export interface QueueMonitorParts {
  readonly watchdog: Watchdog;
  readViews(): Promise<Views>;
  /** How long Redis may take to answer. */
  readonly limitMs: number;
  /** How long the monitor waits between two regular readings, in milliseconds. */
  everyMs(): number;
  monotonicNow(): number;
}

/** Builds a monitor that does not read regularly yet. */
export function createQueueMonitor(parts: QueueMonitorParts): QueueMonitor {
  const { watchdog, limitMs, everyMs, monotonicNow } = parts;
  let latest: { readonly reading: QueueReading; readonly at: number } | undefined;
  let stop: (() => void) | undefined;
  let stopped = false;

  const readNow = oneAtATime(async () => {
    const reading = await within(limitMs, parts.readViews());
    if (reading.ok && !stopped) watchdog.note(reading.views, monotonicNow());
    latest = { reading, at: monotonicNow() };
    return reading;
  });

  return {
    async read(maxAgeMs) {
      if (latest?.reading.ok && monotonicNow() - latest.at <= maxAgeMs) return latest.reading;
      return readNow();
    },
    start() {
      stop = every(everyMs, readNow);
    },
    stop() {
      stopped = true;
      stop?.();
    },
  };
}

async function within(limitMs: number, views: Promise<Views>): Promise<QueueReading> {
  const reading = views.then(
    (read): QueueReading => ({ ok: true, views: read }),
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
