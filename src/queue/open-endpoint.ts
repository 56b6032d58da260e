import type { Redis } from 'ioredis';
import { openPace } from '../core/open-pace.ts';
import { OPEN_VERDICT, type PaceState, type Verdict } from '../core/pace.ts';
import { NO_SUMS, type PaceSums } from '../core/pace-sums.ts';
import { WaybillError } from '../core/waybill-error.ts';
import { type Endpoint, paceKey } from './names.ts';
import { writeVerdict } from './pace-store.ts';

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
 * Tries an endpoint again at once, in all processes: see `openPace`.
 *
 * @throws WaybillError `PACE_CONTENDED` if other processes were faster each time
 */
export async function openEndpoint(redis: Redis, endpoint: Endpoint): Promise<Opened> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const [[seconds, micros], [verdictText, sumsText]] = await Promise.all([
      redis.time(),
      redis.hmget(paceKey(endpoint), 'verdict', 'sums'),
    ]);
    const now = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
    const verdict = verdictText ? (JSON.parse(verdictText) as Verdict) : OPEN_VERDICT;
    const next = openPace(verdict, sumsText ? (JSON.parse(sumsText) as PaceSums) : NO_SUMS, now);
    if (next === undefined) return { changed: false, before: verdict.state, after: verdict.state };
    const { isOwn } = await writeVerdict(redis, endpoint, next);
    if (isOwn) return { changed: true, before: verdict.state, after: next.state };
  }
  const { client, type } = endpoint;
  const message = `the pace of ${client} ${type} changed ${MOST_TRIES} times meanwhile: nothing was done`;
  throw new WaybillError('PACE_CONTENDED', message);
}
