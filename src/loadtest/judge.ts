import { isSurelyBeyond, isSurelyWithin, readPercentile, shareBounds, showPercentile } from './confidence.ts';
import { type LatencyObjective, type Objective, strictestMs } from './objectives.ts';
import type { GeneratorHealth, Observation } from './observation.ts';
import { showMs, showNumber, showRate, showShare } from './quantities.ts';

/** What an objective came to; `undecided`: the sample is too small to say. */
export type ObjectiveVerdict = 'met' | 'missed' | 'undecided';

/** The share of events that went against an objective, with its exact bounds, each one-sided at 95 %. */
export interface ShareBounds {
  readonly against: number;
  readonly of: number;
  readonly lower: number;
  readonly upper: number;
}

/** An observation judged by one objective. */
export interface ObjectiveJudgement {
  readonly objective: Objective;
  readonly verdict: ObjectiveVerdict;
  /** Absent for a rate. */
  readonly share?: ShareBounds;
  /** What was found, in a few words: `p99 212 ms`, `p99 n/a (needs 299)`, `99.82 % delivered`, `196/s`. */
  readonly found: string;
}

/** What an observation came to. `inconclusive`: the generator did too badly to judge the endpoint. */
export interface Judgement {
  readonly verdict: ObjectiveVerdict | 'inconclusive';
  readonly objectives: readonly ObjectiveJudgement[];
  /** Why the verdict is not `met`, a sentence each. */
  readonly reasons: readonly string[];
}

/**
 * Judges an observation by its objectives. If the generator did badly, it is inconclusive, whatever else it
 * shows.
 */
export function judge(observation: Observation, objectives: readonly Objective[]): Judgement {
  const judged = objectives.map((objective) => judgeObjective(observation, objective));
  const trouble = generatorTrouble(observation.generator, strictestMs(objectives));
  if (trouble.length > 0) return { verdict: 'inconclusive', objectives: judged, reasons: trouble };
  const unmet = judged.filter(({ verdict }) => verdict !== 'met');
  const reasons = unmet.map(({ verdict, objective, found, share }) => {
    return `${objective.text} is ${verdict}: ${found}${share === undefined ? '' : inBounds(share)}`;
  });
  if (unmet.length === 0) return { verdict: 'met', objectives: judged, reasons };
  const isMissed = unmet.some(({ verdict }) => verdict === 'missed');
  return { verdict: isMissed ? 'missed' : 'undecided', objectives: judged, reasons };
}

/**
 * The same for a probe at a constant rate. If it was cut short, or if the endpoint did not keep up, it is
 * missed whatever the objectives say, and its durations are not given as reasons.
 */
export function judgeProbe(observation: Observation, objectives: readonly Objective[]): Judgement {
  const judgement = judge(observation, objectives);
  const overload = observation.cutShort ?? findOverload(observation);
  if (judgement.verdict === 'inconclusive' || overload === undefined) return judgement;
  return { ...judgement, verdict: 'missed', reasons: [overload] };
}

function judgeObjective(observation: Observation, objective: Objective): ObjectiveJudgement {
  switch (objective.kind) {
    case 'latency':
      return judgeLatency(observation, objective);
    case 'delivered': {
      const { offered, delivered } = observation;
      const found = `${offered === 0 ? 'nothing' : showShare(delivered / offered)} delivered`;
      return judgeShare(objective, offered - delivered, offered, found);
    }
    case 'rate': {
      const seconds = observation.durationMs / 1_000;
      const found = seconds === 0 ? 0 : observation.delivered / seconds;
      const verdict = found >= objective.ratePerSecond ? 'met' : 'missed';
      return { objective, verdict, found: showRate(found) };
    }
  }
}

function judgeLatency({ response }: Observation, objective: LatencyObjective): ObjectiveJudgement {
  const value = showPercentile(readPercentile(response, objective.percentile));
  const against = response.countAtOrAbove(objective.thresholdMs);
  return judgeShare(objective, against, response.total, `p${objective.percentile} ${value}`);
}

function judgeShare(
  objective: Exclude<Objective, { kind: 'rate' }>,
  against: number,
  of: number,
  found: string,
): ObjectiveJudgement {
  const { allowedShare } = objective;
  const share = { against, of, ...shareBounds(against, of) };
  if (isSurelyWithin(against, of, allowedShare)) return { objective, verdict: 'met', share, found };
  const verdict = isSurelyBeyond(against, of, allowedShare) ? 'missed' : 'undecided';
  return { objective, verdict, share, found };
}

function inBounds({ against, of, lower, upper }: ShareBounds): string {
  const range = `${showNumber(lower * 100)} to ${showNumber(upper * 100)} %`;
  return `, ${against} of ${of} against it (${range} with 95 % confidence)`;
}

const LEAST_SENT_SHARE = 0.99;
const LEAST_LAG_MS = 5;
const LAG_SHARE_OF_OBJECTIVE = 0.1;
const MOST_UTILISATION = 0.9;

/**
 * What makes a run inconclusive, a sentence each; empty: the generator did well enough.
 *
 * @param shortestMs the shortest time that an objective names; undefined: none names one
 */
function generatorTrouble(health: GeneratorHealth, shortestMs: number | undefined): string[] {
  const mostLagMs = Math.max(LEAST_LAG_MS, LAG_SHARE_OF_OBJECTIVE * (shortestMs ?? 0));
  const { sentShare, lagP99Ms, eventLoopUtilisation } = health;
  const trouble: string[] = [];
  if (sentShare < LEAST_SENT_SHARE) {
    trouble.push(`the generator attended to ${showShare(sentShare)} of the plan, less than 99 %`);
  }
  if (lagP99Ms > mostLagMs) {
    trouble.push(
      `the generator was late: its lag's p99 is ${showMs(lagP99Ms)}, more than ${showMs(mostLagMs)}`,
    );
  }
  if (eventLoopUtilisation > MOST_UTILISATION) {
    trouble.push(`the generator was busy: ${showShare(eventLoopUtilisation)} of its time, more than 90 %`);
  }
  return trouble;
}

const LEAST_DELIVERED = 0.97;
/** Too few events to judge a share of 3 %. */
const LEAST_FINISHED = 100;
const MOST_GROWTH = 1.5;
const LEAST_IN_FLIGHT = 10;

/**
 * Whether the endpoint falls behind, as a sentence; undefined: it does not. Its backlog grows (in flight in the
 * last third of the time more than 1.5 times the middle third, and more than 10), or less than 97 % of the
 * offered events are delivered.
 */
function findOverload(observation: Observation): string | undefined {
  const { offered, delivered } = observation;
  return (
    findGrowth(observation.inFlight.middleThird, observation.inFlight.lastThird) ??
    findShortfall(offered - delivered, offered, 1)
  );
}

/**
 * The same in the middle of a probe, which is then cut short. `inFlight` is of thirds of the time so far, and
 * `finished` counts the events that have an outcome; the caller asks from half of the probe's time on.
 */
export function findOverloadEarly(soFar: {
  readonly finished: number;
  readonly delivered: number;
  readonly inFlight: Observation['inFlight'];
}): string | undefined {
  const { finished, delivered, inFlight } = soFar;
  return (
    findGrowth(inFlight.middleThird, inFlight.lastThird) ??
    findShortfall(finished - delivered, finished, LEAST_FINISHED)
  );
}

function findGrowth(middle: number, last: number): string | undefined {
  if (last <= LEAST_IN_FLIGHT || last <= MOST_GROWTH * middle) return undefined;
  return `the backlog grows: ${showNumber(middle)} in flight in the middle third, ${showNumber(last)} in the last`;
}

function findShortfall(missing: number, of: number, least: number): string | undefined {
  const share = of === 0 ? 1 : (of - missing) / of;
  if (of < least || share >= LEAST_DELIVERED) return undefined;
  return `only ${showShare(share)} of what was offered is delivered, less than 97 %`;
}
