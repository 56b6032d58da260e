import { isSurelyBeyond, isSurelyWithin, shareBounds } from './binomial.ts';
import { generatorTrouble } from './generator-health.ts';
import { type LatencyObjective, type Objective, strictestMs } from './objectives.ts';
import type { Observation } from './observation.ts';
import { findOverload } from './overload.ts';
import { readPercentile, showPercentile } from './percentiles.ts';
import { showNumber, showRate, showShare } from './quantities.ts';

/** What an objective came to; `undecided`: the sample is too small to say. */
export type ObjectiveVerdict = 'met' | 'missed' | 'undecided';

/** The share of events that went against an objective, with its exact bounds, each one-sided at 95 %. */
export interface ShareBounds {
  readonly against: number;
  readonly of: number;
  readonly lower: number;
  readonly upper: number;
}

/** One objective held against an observation. */
export interface ObjectiveJudgement {
  readonly objective: Objective;
  readonly verdict: ObjectiveVerdict;
  /** Absent for a rate. */
  readonly share?: ShareBounds;
  /** What was found, in a few words: `p99 212 ms`, `p99 n/a (needs 299)`, `99.82 % delivered`, `196/s`. */
  readonly found: string;
}

/** What an observation came to. `inconclusive`: the generator did too badly for anything to be said. */
export interface Judgement {
  readonly verdict: ObjectiveVerdict | 'inconclusive';
  readonly objectives: readonly ObjectiveJudgement[];
  /** Why the verdict is not `met`, a sentence each; empty where it is. */
  readonly reasons: readonly string[];
}

/**
 * Holds an observation against its objectives. A generator that did badly makes it inconclusive, whatever else it
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
 * The same for a probe at a constant rate: one that was cut short, or that the endpoint did not keep up with, is a
 * miss whatever the objectives say, and its numbers are not given as reasons.
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
