import type { AuditNote } from '../core/audit.ts';
import { tryAgain } from '../core/judge-pace.ts';
import type { PaceState } from '../core/pace.ts';
import { noNews } from '../core/pace-sums.ts';
import { WaybillError } from '../core/waybill-error.ts';
import type { Endpoint } from './names.ts';
import { tellPace, writeVerdict } from './pace-store.ts';
import type { Connection } from './servers.ts';

/** How often a verdict is made, if other processes are faster. */
const MOST_TRIES = 5;

/** What trying again at once did to the state of an endpoint. */
export interface Opened {
  /** False: it was open already. */
  readonly changed: boolean;
  readonly before: PaceState;
  readonly after: PaceState;
}

/**
 * Tries an endpoint again at once, in all processes: see `tryAgain`.
 *
 * @param note who does it, for the audit
 * @throws WaybillError `PACE_CONTENDED` if other processes were faster each time
 */
export async function openEndpoint(
  redis: Connection,
  endpoint: Endpoint & { readonly pace: { readonly minPerSecond: number } },
  note?: AuditNote,
): Promise<Opened> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const { verdict, sums, now } = await tellPace(redis, endpoint, noNews(0));
    const next = tryAgain(verdict, sums, now, endpoint.pace.minPerSecond);
    if (next === undefined) return { changed: false, before: verdict.state, after: verdict.state };
    const { isOwn } = await writeVerdict(redis, endpoint, next, false, note);
    if (isOwn) return { changed: true, before: verdict.state, after: next.state };
  }
  const { client, type } = endpoint;
  const message = `the pace of ${client} ${type} changed ${MOST_TRIES} times meanwhile: nothing was done`;
  throw new WaybillError('PACE_CONTENDED', message);
}
