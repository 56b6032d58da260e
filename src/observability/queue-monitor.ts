import { atMost, every } from '../core/time.ts';
import type { QueueOverview } from '../queue/queue-overview.ts';
import { oneAtATime } from './one-at-a-time.ts';
import type { Watchdog } from './watchdog.ts';

type Overviews = ReadonlyMap<string, QueueOverview>;

/** What was seen of all queues; the error: Redis did not tell. */
export type Look =
  | { readonly ok: true; readonly overviews: Overviews }
  | { readonly ok: false; readonly reason: string };

/** Looks at all queues, for whoever wants to know, and regularly for the watchdog. */
export interface QueueMonitor {
  /** The latest look where it is not older than so many milliseconds, or a new one; never rejects. */
  look(maxAgeMs: number): Promise<Look>;
  /** Begins to look regularly. */
  start(): void;
  stop(): void;
}

/** What a monitor needs. */
export interface QueueMonitorParts {
  readonly watchdog: Watchdog;
  read(): Promise<Overviews>;
  /** How long Redis may take to tell. */
  readonly limitMs: number;
  /** How long it waits from one look to the next, in milliseconds. */
  everyMs(): number;
  monotonicNow(): number;
}

/** Builds a monitor that does not look regularly yet. */
export function createQueueMonitor(parts: QueueMonitorParts): QueueMonitor {
  const { watchdog, limitMs, everyMs, monotonicNow } = parts;
  let latest: { readonly look: Look; readonly at: number } | undefined;
  let stop: (() => void) | undefined;
  let stopped = false;

  const lookNow = oneAtATime(async () => {
    const look = await within(limitMs, parts.read());
    if (look.ok && !stopped) watchdog.note(look.overviews, monotonicNow());
    latest = { look, at: monotonicNow() };
    return look;
  });

  return {
    async look(maxAgeMs) {
      if (latest?.look.ok && monotonicNow() - latest.at <= maxAgeMs) return latest.look;
      return lookNow();
    },
    start() {
      stop = every(everyMs, lookNow);
    },
    stop() {
      stopped = true;
      stop?.();
    },
  };
}

async function within(limitMs: number, reading: Promise<Overviews>): Promise<Look> {
  const told = reading.then(
    (overviews): Look => ({ ok: true, overviews }),
    (error: Error): Look => ({ ok: false, reason: error.message }),
  );
  return (await atMost(limitMs, told)) ?? { ok: false, reason: `no answer within ${limitMs} ms` };
}
