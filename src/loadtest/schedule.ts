import { describeValue } from '../core/quote-text.ts';
import { seededRandom } from '../core/random.ts';
import {
  type Parsed,
  parseDurationMs,
  parseEach,
  parseRatePerSecond,
  showNumber,
  showRate,
  showTime,
} from './quantities.ts';

/** A stretch of a plan whose rate goes evenly from one to another, in events per second. */
export interface Stage {
  readonly durationMs: number;
  readonly fromRate: number;
  readonly toRate: number;
}

/** How arrivals are spaced: evenly, or at random as independent senders would (seeded). */
export interface ArrivalOptions {
  readonly arrivals: 'constant' | 'poisson';
  /** Of the random gaps; the same seed gives the same schedule. */
  readonly seed: number;
}

/** When each event is meant to be sent. */
export interface Schedule {
  /** How many arrivals there are. */
  readonly total: number;
  readonly durationMs: number;
  /**
   * When arrival n (from 0) is due, in milliseconds from the start; infinite from `total` on. Random gaps are
   * drawn on the way, so that asking in ascending order is cheap, and going back begins anew.
   */
  intendedAt(n: number): number;
  /** The planned rate at a time, in events per second; 0 outside the plan. */
  rateAt(ms: number): number;
}

/** A stage in its place: when it begins, and how many arrivals are planned before it. */
interface PlacedStage extends Stage {
  readonly startMs: number;
  readonly before: number;
  readonly area: number;
}

/** The most that rounding adds to a whole number of arrivals, as a share of it. */
const ROUNDING = 1e-9;

/**
 * Calculates a plan in closed form: arrival n is due when the integral of the rate reaches n, that is evenly
 * spaced at a constant rate, and at the root of `r0·t + (r1-r0)·t²/(2D) = n` within a ramp. Poisson arrivals
 * are exponential gaps of mean 1 in the same integral.
 */
export function createSchedule(stages: readonly Stage[], options: ArrivalOptions): Schedule {
  const placed = placeStages(stages);
  const last = placed.at(-1);
  const durationMs = last === undefined ? 0 : last.startMs + last.durationMs;
  const area = last === undefined ? 0 : last.before + last.area;
  // The integral of the rate at which arrival n is due, and how many there are before its end.
  const plan =
    options.arrivals === 'constant'
      ? { total: Math.max(0, Math.ceil(area - area * ROUNDING)), areaAt: (n: number) => n }
      : randomPlan(area, options.seed);
  return {
    total: plan.total,
    durationMs,
    intendedAt: (n) => (n >= plan.total ? Number.POSITIVE_INFINITY : timeAt(placed, plan.areaAt(n))),
    rateAt: (ms) => rateAt(placed, ms),
  };
}

function placeStages(stages: readonly Stage[]): PlacedStage[] {
  let [startMs, before] = [0, 0];
  return stages.map((stage) => {
    const area = ((stage.fromRate + stage.toRate) / 2) * (stage.durationMs / 1_000);
    const placed = { ...stage, startMs, before, area };
    startMs += stage.durationMs;
    before += area;
    return placed;
  });
}

function randomPlan(area: number, seed: number) {
  let total = 0;
  for (const gaps = exponentialGaps(seed); gaps() < area; ) total += 1;
  let next = exponentialGaps(seed);
  let [drawn, at] = [-1, 0];
  return {
    total,
    areaAt(n: number) {
      if (n < drawn) [next, drawn] = [exponentialGaps(seed), -1];
      for (; drawn < n; drawn += 1) at = next();
      return at;
    },
  };
}

/** The running sum of exponential gaps of mean 1. */
function exponentialGaps(seed: number): () => number {
  const random = seededRandom(seed);
  let sum = 0;
  return () => {
    sum -= Math.log1p(-random());
    return sum;
  };
}

function timeAt(stages: readonly PlacedStage[], area: number): number {
  // The last stage that has begun by then and has arrivals: a pause has none.
  const stage = stages.findLast(
    (candidate) => candidate.area > 0 && candidate.before * (1 - ROUNDING) <= area,
  );
  if (stage === undefined) return 0;
  const { startMs, durationMs, fromRate, toRate } = stage;
  const within = Math.max(0, area - stage.before);
  const slope = (toRate - fromRate) / (durationMs / 1_000);
  // This form of the root loses no digits if the slope is small; it is below 0 only by rounding.
  const root = Math.sqrt(Math.max(0, fromRate * fromRate + 2 * slope * within));
  const seconds = within === 0 ? 0 : (2 * within) / (fromRate + root);
  return startMs + Math.min(seconds * 1_000, durationMs);
}

function rateAt(stages: readonly PlacedStage[], ms: number): number {
  const stage = stages.findLast(({ startMs }) => startMs <= ms);
  if (stage === undefined || ms >= stage.startMs + stage.durationMs) return 0;
  const share = (ms - stage.startMs) / stage.durationMs;
  return stage.fromRate + (stage.toRate - stage.fromRate) * share;
}

/** Reads stages such as `10s:0-200,2m:200,10s:200-0`: for each how long, and one rate or two for a ramp. */
export function parseStages(text: string): Parsed<readonly Stage[]> {
  const stages = parseEach(text.split(','), (part) => parseStage(part.trim()));
  if (!stages.ok || highestRate(stages.value) > 0) return stages;
  const problem = `stages ${describeValue(text)} send nothing: at least one needs a rate above 0`;
  return { ok: false, problems: [problem] };
}

function parseStage(text: string): Stage | string {
  const [, length = '', from = '', to = from] = /^([^:]*):([^-]*)(?:-(.*))?$/.exec(text) ?? [];
  const durationMs = parseDurationMs(length);
  const fromRate = parseRatePerSecond(from);
  const toRate = parseRatePerSecond(to);
  if (!durationMs || fromRate === undefined || toRate === undefined) {
    return `stage ${describeValue(text)} is not a duration and a rate, such as 2m:200, or 10s:0-200 for a ramp`;
  }
  return { durationMs, fromRate, toRate };
}

/** The warm-up of a ramp from 0 has a tenth of the rate that the ramp goes to. */
const WARM_SHARE = 0.1;

/** The stages with a warm-up before them, at the rate of their beginning. */
export function withWarmup(stages: readonly Stage[], warmupMs: number): readonly Stage[] {
  const [first] = stages;
  if (first === undefined || warmupMs === 0) return stages;
  const rate = first.fromRate > 0 ? first.fromRate : first.toRate * WARM_SHARE;
  return [{ durationMs: warmupMs, fromRate: rate, toRate: rate }, ...stages];
}

/** A stage by what it offers: `200/s for 2 min`, or `0 to 200/s for 10 s` for a ramp. */
export function showStage({ durationMs, fromRate, toRate }: Stage): string {
  return `${showSpan(fromRate, toRate)} for ${showTime(durationMs)}`;
}

/** The rates of all stages: `200/s`, or `0 to 200/s` from the lowest to the highest. */
export function showRates(stages: readonly Stage[]): string {
  const rates = stages.flatMap(({ fromRate, toRate }) => [fromRate, toRate]);
  return showSpan(Math.min(...rates), Math.max(...rates));
}

function showSpan(from: number, to: number): string {
  return from === to ? showRate(to) : `${showNumber(from)} to ${showRate(to)}`;
}

/** Which stage is under way at a time, in milliseconds from 0; the last one after its end. */
export function stageAt(stages: readonly Stage[], ms: number): number {
  return placeStages(stages).findLastIndex(({ startMs }) => startMs <= Math.max(0, ms));
}

/** The highest rate of the stages, in events per second. */
export function highestRate(stages: readonly Stage[]): number {
  return Math.max(...stages.map(({ fromRate, toRate }) => Math.max(fromRate, toRate)));
}

/** How many events are sent in stages and their warm-up; random gaps depend on the seed. */
export function countEvents(stages: readonly Stage[], warmupMs: number, options: ArrivalOptions): number {
  return createSchedule(withWarmup(stages, warmupMs), options).total;
}

const MOST_IN_FLIGHT = 10_000;

/** As many as if every request ran into its timeout, within what sockets allow. */
export function defaultMaxInFlight(ratePerSecond: number, timeoutMs: number): number {
  return Math.min(MOST_IN_FLIGHT, Math.max(1, Math.ceil((ratePerSecond * timeoutMs) / 1_000)));
}
