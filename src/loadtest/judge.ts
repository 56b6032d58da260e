import { readPercentile, shareBounds, showPercentile } from './confidence.ts';
import { type LatencyObjective, type Objective, strictestMs } from './objectives.ts';
import type { GeneratorHealth, Observation } from './observation.ts';
import { showMs, showNumber, showRate, showShare } from './quantities.ts';

/** The share of events that went against an objective, with its exact bounds, each one-sided at 95 %. */
type ShareBounds = Readonly<Record<'against' | 'of' | 'lower' | 'upper', number>>;

/** An observation judged by one objective. */
export interface ObjectiveJudgement {
  readonly objective: Objective;
  /** `undecided`: the sample is too small to say. */
  readonly verdict: 'met' | 'missed' | 'undecided';
  /** Absent for a rate. */
  readonly share?: ShareBounds;
  /** What was found, in a few words: `p99 212 ms`, `p99 n/a (needs 299)`, `99.82 % delivered`, `196/s`. */
  readonly found: string;
}

/** What an observation came to. */
export interface Judgement {
  /**
   * `inconclusive`: the generator did too badly to judge the endpoint. `declared`: the endpoint answered a probe
   * of a search that it takes no more.
   */
  readonly verdict: ObjectiveJudgement['verdict'] | 'inconclusive' | 'declared';
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
  const { cutShort, inFlight, delivered, offered } = observation;
  const overload = cutShort ?? findOverload(inFlight, delivered, offered);
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
  const { percentile, thresholdMs } = objective;
  const found = showPercentile(percentile, readPercentile(response, percentile));
  return judgeShare(objective, response.countAtOrAbove(thresholdMs), response.total, found);
}

function judgeShare(
  objective: Exclude<Objective, { kind: 'rate' }>,
  against: number,
  of: number,
  found: string,
): ObjectiveJudgement {
  const share = { against, of, ...shareBounds(against, of) };
  if (share.upper < objective.allowedShare) return { objective, verdict: 'met', share, found };
  const verdict = share.lower > objective.allowedShare ? 'missed' : 'undecided';
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
  const { sentShare, lagP99Ms, eventLoopUtilisation: busy } = health;
  const trouble = [
    sentShare < LEAST_SENT_SHARE && `attended to ${showShare(sentShare)} of the plan, less than 99 %`,
    lagP99Ms > mostLagMs && `was late: its lag's p99 is ${showMs(lagP99Ms)}, more than ${showMs(mostLagMs)}`,
    busy > MOST_UTILISATION && `was busy: ${showShare(busy)} of its time, more than 90 %`,
  ];
  return trouble.filter((each) => each !== false).map((each) => `the generator ${each}`);
}

const LEAST_DELIVERED = 0.97;
const MOST_GROWTH = 1.5;
const LEAST_IN_FLIGHT = 10;

/**
 * Whether the endpoint falls behind, as a sentence; undefined: it does not. Its backlog grows (in flight in the
 * last third of the time more than 1.5 times the middle third, and more than 10), or less than 97 % are delivered.
 *
 * @param of the events that were offered; in the middle of a probe, those with an outcome
 * @param least fewer events than this say nothing about a share of 3 %
 */
export function findOverload(
  { middleThird, lastThird }: Observation['inFlight'],
  delivered: number,
  of: number,
  least = 1,
): string | undefined {
  if (lastThird > LEAST_IN_FLIGHT && lastThird > MOST_GROWTH * middleThird) {
    return `the backlog grows: ${showNumber(middleThird)} in flight in the middle third, ${showNumber(lastThird)} in the last`;
  }
  if (of < least || delivered / of >= LEAST_DELIVERED) return undefined;
  return `only ${showShare(delivered / of)} of what was offered is delivered, less than 97 %`;
}
