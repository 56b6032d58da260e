import type { QueueOverview } from '../queue/queue-overview.ts';
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
  let looking: Promise<Look> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function lookNow(): Promise<Look> {
    const look = await within(limitMs, parts.read());
    if (look.ok && !stopped) watchdog.note(look.overviews, monotonicNow());
    latest = { look, at: monotonicNow() };
    looking = undefined;
    return look;
  }

  function look(maxAgeMs: number): Promise<Look> {
    if (latest?.look.ok && monotonicNow() - latest.at <= maxAgeMs) return Promise.resolve(latest.look);
    looking ??= lookNow();
    return looking;
  }

  async function keepLooking(): Promise<void> {
    await look(0);
    if (!stopped) timer = setTimeout(() => void keepLooking(), everyMs());
  }

  return {
    look,
    start: () => void keepLooking(),
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

async function within(limitMs: number, reading: Promise<Overviews>): Promise<Look> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Look>((resolve) => {
    timer = setTimeout(() => resolve({ ok: false, reason: `no answer within ${limitMs} ms` }), limitMs);
  });
  const told = reading.then(
    (overviews): Look => ({ ok: true, overviews }),
    (error: Error): Look => ({ ok: false, reason: error.message }),
  );
  const look = await Promise.race([told, late]);
  clearTimeout(timer);
  return look;
}
