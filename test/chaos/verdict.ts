import { groupBy } from '../../src/core/group-by.ts';
import { judgeDoubles, longestTakeover } from './doubles.ts';
import { mayBeDead, mayBeUnseen, wasUnseen } from './endpoint-faults.ts';
import { type Disturbance, type Evidence, type FinalDeadLetter, isDelivery } from './evidence.ts';
import { ATTEMPTS, fateOf } from './fates.ts';
import type { Sighting } from './protocol.ts';

/** What came of a run. */
export interface Verdict {
  readonly accepted: number;
  readonly refused: number;
  readonly unknown: number;
  readonly delivered: number;
  readonly dead: number;
  /** Deliveries beyond an event's first. */
  readonly doubled: number;
  readonly longestSilenceMs: number;
  /** From the end of the latest fault until the last of what a kill interrupted was sent again. */
  readonly longestTakeoverMs: number;
  /** Accepted, and neither delivered nor a dead letter. */
  readonly lost: number;
  /** Each rule that was broken, in a sentence. */
  readonly violations: readonly string[];
}

/** Judges a run by what its receiver saw, what producers were told, and what stands in Redis at the end. */
export function judge(evidence: Evidence): Verdict {
  const { answers, deadLetters, disturbances } = evidence;
  const byUnit = groupBy(evidence.sightings, ([unit]) => unit);
  const dead = new Map(deadLetters.map((letter) => [letter.unit, letter]));
  const delivered = new Set(evidence.sightings.flatMap((seen) => (isDelivery(seen) ? [seen[0]] : [])));
  const isThrough = (unit: number): boolean => delivered.has(unit) || dead.has(unit);
  const { doubled, violations: doubles } = judgeDoubles(evidence);
  const longestSilenceMs = longestSilence(evidence);
  const longestTakeoverMs = longestTakeover(evidence);
  const missing = answers.accepted.filter((unit) => !isThrough(unit));
  const missingOfCounted = answers.counted.reduce(
    (sum, { units, accepted }) => sum + Math.max(0, accepted - units.filter(isThrough).length),
    0,
  );
  const lost = missing.length + missingOfCounted;
  const violations = [
    ...evidence.strange.map((what) => `a request that is no event's: ${what}`),
    ...missing.map((unit) => `unit ${unit} (${fateOf(unit)}) was accepted and is missing`),
    ...(missingOfCounted > 0 ? [`${missingOfCounted} that some send counted as accepted are missing`] : []),
    ...answers.refused.flatMap((unit) => (isThrough(unit) ? [`unit ${unit} was refused and delivered`] : [])),
    ...[...byUnit].flatMap(([unit, seen]) => [...judgeUnit(unit, seen, dead.get(unit), disturbances)]),
    ...deadLetters.flatMap((letter) => [
      ...judgeDeadLetter(letter, byUnit.get(letter.unit) ?? [], disturbances),
    ]),
    ...doubles,
    ...(evidence.broken > 0 ? [`${evidence.broken} jobs failed by a fault of Waybill's own`] : []),
    ...(evidence.undrained === undefined ? [] : [`not all came to an end: ${evidence.undrained}`]),
    ...(longestSilenceMs > evidence.longestSilenceMs ? [`nothing was sent for ${longestSilenceMs} ms`] : []),
    ...(longestTakeoverMs > evidence.takeoverWithinMs
      ? [`what a kill interrupted was sent again only after ${longestTakeoverMs} ms`]
      : []),
  ];
  const counted = answers.counted.reduce((sum, { accepted }) => sum + accepted, 0);
  const uncertain = answers.counted.reduce((sum, { units, accepted }) => sum + units.length - accepted, 0);
  return {
    accepted: answers.accepted.length + counted,
    refused: answers.refused.length,
    unknown: answers.unknown.length + uncertain,
    delivered: delivered.size,
    dead: dead.size,
    doubled,
    longestSilenceMs,
    longestTakeoverMs,
    lost,
    violations,
  };
}

/** Attempts are numbered 1 to 6, none is left out unless it was refused, and none is made twice but for a kill. */
function* judgeUnit(
  unit: number,
  seen: readonly Sighting[],
  dead: FinalDeadLetter | undefined,
  disturbances: readonly Disturbance[],
): Generator<string> {
  const kills = disturbances.filter(({ losesDeliverers }) => losesDeliverers > 0).length;
  const ids = new Set(seen.map(([, id]) => id));
  if (ids.size > 1) yield `unit ${unit} came under ${ids.size} event ids`;
  const counts = Array.from({ length: ATTEMPTS + 1 }, () => 0);
  let lives = 1;
  let highest = 0;
  let before = Number.NEGATIVE_INFINITY;
  for (const [, , attempt, at, , answeredAt] of seen) {
    const isGap = mayBeUnseen(disturbances, before, at);
    before = answeredAt;
    const count = counts[attempt];
    if (attempt === 0 || count === undefined) {
      yield `unit ${unit} was sent with attempt number ${attempt}`;
      continue;
    }
    // A replayed event begins a new life; the end of the old one, and the beginning of the new one, may be unseen.
    if ((attempt === 1 && highest === ATTEMPTS) || (attempt <= highest && isGap)) {
      lives += 1;
      highest = 0;
    }
    // Not `highest`: a process that was frozen may come late with a number of the life before. One that comes again was
    // judged when it came first.
    if (attempt > 1 && count === 0 && counts[attempt - 1] === 0 && !isGap) {
      yield `unit ${unit} was sent with attempt ${attempt} before attempt ${attempt - 1}`;
    }
    highest = Math.max(highest, attempt);
    counts[attempt] = count + 1;
  }
  const known = dead === undefined ? lives : dead.life + 1;
  const repeats = counts.reduce((sum, count) => sum + Math.max(0, count - known), 0);
  if (repeats > kills) {
    const what = `${seen.length} requests in ${known} lives, ${kills} kills`;
    yield `unit ${unit} (${fateOf(unit)}) was sent too often: ${what}`;
  }
}

/** Who fails always is dead after six attempts in each life; who would not fail is dead by the endpoint's faults only. */
function* judgeDeadLetter(
  { unit, attempts, failureClass, failedAt, life }: FinalDeadLetter,
  seen: readonly Sighting[],
  disturbances: readonly Disturbance[],
): Generator<string> {
  const fate = fateOf(unit);
  if (!mayBeDead(disturbances, fate, unit, failedAt)) {
    yield `unit ${unit} (${fate}) is a dead letter of class ${failureClass}`;
    return;
  }
  if (attempts !== ATTEMPTS) yield `the dead letter of unit ${unit} has ${attempts} attempts in its history`;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const count = seen.filter((one) => one[2] === attempt).length;
    // Of lives before the last one there is no history.
    const endedAt = failedAt[attempt - 1] ?? Number.NaN;
    const isUnseen =
      wasUnseen(disturbances, endedAt) ||
      (life > 0 && mayBeUnseen(disturbances, Number.NEGATIVE_INFINITY, endedAt));
    if (count < life + 1 && !isUnseen) {
      yield `unit ${unit} died ${life + 1} times, and its attempt ${attempt} came ${count} times`;
    }
  }
}

function longestSilence({ sightings, stoppedAt }: Evidence): number {
  let longest = 0;
  let before = sightings[0]?.[3] ?? stoppedAt;
  for (const [, , , at] of sightings) {
    if (at > stoppedAt) break;
    longest = Math.max(longest, at - before);
    before = at;
  }
  return Math.max(longest, stoppedAt - before);
}
