import type { AuditNote } from '../core/audit.ts';
import { OPEN_VERDICT, type Verdict } from '../core/pace.ts';
import type { PaceNews, PaceSums } from '../core/pace-sums.ts';
import { auditKeys, auditText } from './audit.ts';
import { defineScript } from './define-script.ts';
import { type Endpoint, endpointPrefix, paceKey } from './names.ts';
import { TELL_PACE, WRITE_VERDICT } from './scripts/pace.ts';
import type { Connection } from './servers.ts';

const tellScript = defineScript('tell-pace', TELL_PACE);
const writeScript = defineScript('write-verdict', WRITE_VERDICT);

/** What a process wants to send to an endpoint. */
export interface PaceWant {
  readonly fresh: number;
  readonly retry: number;
  /** Name of the process. */
  readonly by: string;
  readonly timeoutMs: number;
}

/** What a process may send; all zero or empty but what is granted. Times in ms of Redis' clock. */
export interface PaceGrant {
  /** How many requests; the first at `at`, then one every `everyMs`. */
  readonly count: number;
  readonly at: number;
  readonly everyMs: number;
  /** One request of this kind, which finds out how the endpoint is. */
  readonly probe: '' | 'fresh' | 'retry';
  /** When to ask again, if nothing was granted. */
  readonly againAt: number;
}

/** What is known of an endpoint's pace. */
export interface PaceAnswer {
  readonly verdict: Verdict;
  readonly sums: PaceSums;
  /** ms of Redis' clock */
  readonly now: number;
  /** Nothing was heard of it for long, and no event of it is left: it is to be forgotten. */
  readonly isOver: boolean;
  /** Absent: nothing was wanted. */
  readonly grant?: PaceGrant;
}

/** What scripts answer, as `TELL_PACE` says. */
export type PaceReply = [verdict: string, sums: string, now: number, isOver: 0 | 1, grant?: string];

/** Reads what a script answers. */
export function toPaceAnswer([verdict, sums, now, isOver, grant = '']: PaceReply): PaceAnswer {
  const answer = { verdict: JSON.parse(verdict), sums: JSON.parse(sums), now, isOver: isOver === 1 };
  return grant === '' ? answer : { ...answer, grant: JSON.parse(grant) };
}

/** Tells news of an endpoint, and reserves what is wanted. */
export async function tellPace(
  redis: Connection,
  endpoint: Endpoint,
  news: PaceNews,
  want?: PaceWant,
): Promise<PaceAnswer> {
  const texts = [JSON.stringify(news), want === undefined ? '' : JSON.stringify(want)];
  const reply = await tellScript(redis, [paceKey(endpoint)], [endpointPrefix(endpoint), ...texts]);
  return toPaceAnswer(reply as PaceReply);
}

/**
 * Writes the next verdict, unless another process was faster.
 *
 * @param note who made it, for the audit; absent: it follows from what was answered
 * @returns the verdict that holds; whether it is this one
 */
export async function writeVerdict(
  redis: Connection,
  endpoint: Endpoint,
  next: Verdict,
  forgetsSums = false,
  note?: AuditNote,
): Promise<{ readonly verdict: Verdict; readonly isOwn: boolean }> {
  const args = [endpointPrefix(endpoint), JSON.stringify(next), forgetsSums ? 1 : 0, auditText(note)];
  const keys = [paceKey(endpoint), ...auditKeys(endpoint.client, note)];
  const [text, own] = (await writeScript(redis, keys, args)) as [string, 0 | 1];
  return { verdict: JSON.parse(text), isOwn: own === 1 };
}

/** The verdicts that hold for some of a client's endpoints. */
export interface StandingVerdicts {
  /** By event type. */
  readonly byType: ReadonlyMap<string, Verdict>;
  /** When they were read, ms of Redis' clock. */
  readonly now: number;
}

/** Reads the verdicts on a client's endpoints in one round trip. */
export async function readVerdicts(
  redis: Connection,
  client: string,
  types: readonly string[],
): Promise<StandingVerdicts> {
  const pipeline = redis.pipeline().time();
  for (const type of types) pipeline.hget(paceKey({ client, type }), 'verdict');
  const [time, ...texts] = ((await pipeline.exec()) ?? []).map(([error, value]) => {
    if (error !== null) throw error;
    return value;
  });
  const [seconds, micros] = (time as [string | number, string | number]).map(Number) as [number, number];
  const verdicts = types.map((type, i) => {
    const text = texts[i];
    return [type, typeof text === 'string' ? (JSON.parse(text) as Verdict) : OPEN_VERDICT] as const;
  });
  return { byType: new Map(verdicts), now: seconds * 1_000 + Math.floor(micros / 1_000) };
}
