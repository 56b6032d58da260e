import type { ClientView } from '../queue/client-view.ts';
import { unreadText } from '../queue/read-of-each.ts';
import type { QueueReading } from './queue-monitor.ts';

/** What a service is judged by. */
export interface Condition {
  readonly reading: QueueReading;
  readonly workers: { readonly alive: number; readonly wanted: number };
  readonly untaken: ReadonlySet<string>;
  /** How long an event may wait, in milliseconds. */
  readonly oldestWaitingMs: number;
}

/** One thing that has to be in order. */
export interface Check {
  readonly ok: boolean;
  /** What was found; a sentence if it is not in order. */
  readonly detail: string;
}

/** Whether a service does its work, check by check; the body of `/readyz`. */
export type Readiness = ReturnType<typeof judgeReadiness>;

/** Judges whether a service does its work. */
export function judgeReadiness({ reading, workers, untaken, oldestWaitingMs }: Condition) {
  const checks: Record<'redis' | 'workers' | 'oldestWaiting' | 'watchdog', Check> = {
    // Of a Cluster, the servers that are there go on, and intake refuses by itself for the clients of the others.
    redis: reading.ok
      ? { ok: true, detail: reading.unread.length === 0 ? 'answers' : unreadText(reading.unread) }
      : { ok: false, detail: `Redis does not answer: ${reading.reason}` },
    workers: {
      ok: workers.alive > 0,
      detail: `${workers.alive} of ${workers.wanted} worker processes deliver`,
    },
    oldestWaiting: reading.ok
      ? judgeOldest(reading.views, oldestWaitingMs)
      : { ok: false, detail: 'not known: Redis does not answer' },
    watchdog:
      untaken.size === 0
        ? { ok: true, detail: 'waiting events are taken' }
        : { ok: false, detail: `no worker takes events of: ${[...untaken].join(', ')}` },
  };
  return { ready: Object.values(checks).every(({ ok }) => ok), checks };
}

function judgeOldest(views: ReadonlyMap<string, ClientView>, boundMs: number): Check {
  let oldest = { client: '', ms: 0 };
  for (const [client, { oldestMs, pausedAt }] of views) {
    if (pausedAt === undefined && oldestMs > oldest.ms) oldest = { client, ms: oldestMs };
  }
  const away = [...views].flatMap(([client, view]) => (waitsForProxy(view) ? [`"${client}"`] : []));
  const told = away.length === 0 ? '' : `; events wait for the proxy: ${away.join(', ')}`;
  if (oldest.client === '') return { ok: true, detail: `nothing waits${told}` };
  const detail = `an event of client "${oldest.client}" has waited for ${oldest.ms} ms, of ${boundMs} ms at most${told}`;
  return { ok: oldest.ms <= boundMs, detail };
}

/** Named, since the proxy is the operator's, though no fault of the service. */
function waitsForProxy({ endpoints }: ClientView): boolean {
  return Object.values(endpoints).some(({ withheld }) => withheld?.for === 'proxy');
}
