import { groupBy } from '../../src/core/group-by.ts';
import { mayHaveFailed } from './endpoint-faults.ts';
import { type Disturbance, type Evidence, isDelivery } from './evidence.ts';
import { type Fate, fateOf } from './fates.ts';
import type { Sighting } from './protocol.ts';

/** What a process may have delivered without having written it down. */
const UNWRITTEN_MS = 500;
/** The most events of one batch. */
const BATCH = 50;
/** How far apart the moment of a signal and its effect may be on a loaded machine. */
const MARGIN_MS = 250;
/** What is left of a lock, at the least: it lasts 30 s, and is renewed when 5 to 10 s of it are gone. */
const LEAST_LOCK_MS = 20_000;
/** A lock that ran out is noticed at the second look after that. */
const TWO_LOOKS_MS = 10_000;
/** While one of these lasts, nothing that is delivered is written down, and no batch is taken over. */
const STOPS_REDIS: ReadonlySet<string> = new Set(['kill redis', 'freeze redis']);

/** Faults that no deliverer notices. */
const OF_COMMANDS: ReadonlySet<string> = new Set([
  'kill send',
  'freeze send',
  'kill replay',
  'freeze replay',
]);
/** Fates that end among the dead letters. */
const DYING: ReadonlySet<Fate> = new Set(['doomed', 'cured']);

/** Counts what was delivered more than once, and holds each fault to what it may repeat. */
export function judgeDoubles(evidence: Pick<Evidence, 'sightings' | 'disturbances' | 'concurrency'>): {
  readonly doubled: number;
  readonly violations: readonly string[];
} {
  const { sightings, disturbances } = evidence;
  const deliveries = sightings.filter(isDelivery);
  const counts = new Map<Disturbance | undefined, number>();
  let doubled = 0;
  for (const [, ofUnit] of groupBy(deliveries, ([unit]) => unit)) {
    for (const [index, again] of ofUnit.slice(1).entries()) {
      const before = ofUnit[index] ?? again;
      const cause = causeOf(before, again, disturbances);
      counts.set(cause, (counts.get(cause) ?? 0) + 1);
      doubled += 1;
    }
  }
  const violations = [...counts].flatMap(([cause, count]) => {
    if (cause === undefined) return [`${count} events were delivered twice without a fault`];
    const allowed = allowance(cause, deliveries, evidence);
    if (count <= allowed) return [];
    return [`${count} events were delivered twice after "${cause.kind}", where ${allowed} may be`];
  });
  return { doubled, violations };
}

/**
 * Until the last of what a kill interrupted was sent again, in ms: from the end of the latest fault before that,
 * since one that comes later may interrupt the takeover itself.
 */
export function longestTakeover({
  sightings,
  disturbances,
}: Pick<Evidence, 'sightings' | 'disturbances'>): number {
  // One that was frozen may repeat some itself, when it goes on.
  const kills = disturbances.filter(({ losesDeliverers, at, until }) => losesDeliverers > 0 && at === until);
  // What may have been replayed was sent again for that.
  const ofOneLife = sightings.filter(([unit]) => !DYING.has(fateOf(unit)));
  let longest = 0;
  for (const [, ofUnit] of groupBy(ofOneLife, ([unit, , attempt]) => `${unit} ${attempt}`)) {
    for (const [index, again] of ofUnit.slice(1).entries()) {
      const before = ofUnit[index] ?? again;
      if (mayHaveDied(before, again, disturbances)) continue;
      const cause = causeOf(before, again, disturbances);
      if (cause === undefined || !kills.includes(cause)) continue;
      longest = Math.max(longest, again[3] - latestEnd(again[3], disturbances));
    }
  }
  return longest;
}

/** Whether the event may have died between two requests, by faults of the endpoint's, and was sent again for a replay. */
function mayHaveDied(
  [, , , at, status, answeredAt]: Sighting,
  [, , , againAt]: Sighting,
  disturbances: readonly Disturbance[],
): boolean {
  if (status >= 200 && status < 300) return false;
  if (status !== 0) return mayHaveFailed(disturbances, at, againAt);
  // Its sender left: it was killed, and nobody sends the event again while its lock lasts, or the endpoint did it.
  return (
    mayHaveFailed(disturbances, answeredAt, answeredAt) ||
    mayHaveFailed(disturbances, answeredAt + LEAST_LOCK_MS, againAt)
  );
}

/** When the latest fault before a moment was over that may keep deliverers from their work. */
function latestEnd(before: number, disturbances: readonly Disturbance[]): number {
  const hindering = disturbances.filter(({ kind, at }) => at <= before && !OF_COMMANDS.has(kind));
  return Math.max(...hindering.map(({ until }) => Math.min(until, before)));
}

/** The first fault between the two deliveries; one that loses a process before one that does not. */
function causeOf(
  before: Sighting,
  again: Sighting,
  disturbances: readonly Disturbance[],
): Disturbance | undefined {
  const [, , , , , answeredAt] = before;
  const [, , , againAt] = again;
  const between = disturbances.filter((one) => {
    const byThaw =
      one.losesDeliverers > 0 && one.kind.startsWith('freeze worker')
        ? repeatedByThaw(before, again, one)
        : undefined;
    const isBetween = one.until + MARGIN_MS >= Math.min(answeredAt, againAt) && one.at - MARGIN_MS <= againAt;
    return byThaw ?? isBetween;
  });
  return between.find(({ losesDeliverers }) => losesDeliverers > 0) ?? between[0];
}

/**
 * Whether a frozen process that goes on is why an event was sent twice; undefined: the times alone do not say. It may be
 * the first to send again, if its connection was lost meanwhile: another one takes over then. Or it repeats what was
 * taken over from it, until it notices that its lock is lost: events that wait there for the pace go one after another.
 */
function repeatedByThaw(
  [, , , sentAt]: Sighting,
  [, , , againAt]: Sighting,
  { at, until }: Disturbance,
): boolean | undefined {
  const goesOn = Math.abs(sentAt - until) <= MARGIN_MS;
  if (goesOn && againAt >= sentAt && againAt <= until + TWO_LOOKS_MS) return true;
  if (sentAt <= at + MARGIN_MS || sentAt >= until - MARGIN_MS) return undefined;
  const isTakenOver = sentAt > at + LEAST_LOCK_MS;
  return againAt > until + (isTakenOver ? TWO_LOOKS_MS : MARGIN_MS) ? false : undefined;
}

/** The design's bound for each loss of a process: concurrency + 50 + what it delivered in the last 500 ms. */
function allowance(
  { at, losesDeliverers }: Disturbance,
  deliveries: readonly Sighting[],
  { disturbances, concurrency }: Pick<Evidence, 'disturbances' | 'concurrency'>,
): number {
  if (losesDeliverers === 0) return 0;
  // Of a process that is lost while Redis is away, nothing is written since that began.
  const outage = disturbances.find(
    (other) => STOPS_REDIS.has(other.kind) && other.at <= at && other.until + MARGIN_MS >= at,
  );
  const writtenUntil = (outage?.at ?? at) - UNWRITTEN_MS;
  const unwritten = deliveries.filter(
    ([, , , , , answeredAt]) => answeredAt <= at + MARGIN_MS && answeredAt > writtenUntil,
  );
  // All workers deliver to the one client; what the others delivered makes the bound no tighter.
  return losesDeliverers * (concurrency + BATCH) + unwritten.length;
}
