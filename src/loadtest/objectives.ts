import { describeValue } from '../core/quote-text.ts';
import { type Parsed, parseDurationMs, parseEach, parseRatePerSecond, parseShare } from './quantities.ts';

/** At most `allowedShare` of the events take `thresholdMs` or longer: `p99<300ms` allows 0.01. */
export interface LatencyObjective {
  readonly kind: 'latency';
  /** As it was written, such as `p99<300ms`. */
  readonly text: string;
  /** Between 0 and 100, such as 99.9. */
  readonly percentile: number;
  readonly thresholdMs: number;
  readonly allowedShare: number;
}

/** What a run is judged by. */
export type Objective =
  | LatencyObjective
  /** At most `allowedShare` of the events are not delivered: `delivered>99.5%` allows 0.005. */
  | { readonly kind: 'delivered'; readonly text: string; readonly allowedShare: number }
  /** At least this many events a second are delivered: `rate>=195/s`. */
  | { readonly kind: 'rate'; readonly text: string; readonly ratePerSecond: number };

/** Reads objectives such as `p99<300ms`, `delivered>99.5%` and `rate>=195/s`, or says what is wrong with each. */
export function parseObjectives(texts: readonly string[]): Parsed<readonly Objective[]> {
  return parseEach(texts, (written) => {
    const text = written.replace(/\s+/g, '');
    const parsed = parseObjective(text);
    return typeof parsed === 'string' ? `objective ${describeValue(text)} ${parsed}` : parsed;
  });
}

/** The objectives without `--slo`: `delivered>99%`, and `p99<` half of the client's timeout. */
export function defaultObjectives(timeoutMs: number): readonly Objective[] {
  const thresholdMs = timeoutMs / 2;
  return [
    { kind: 'delivered', text: 'delivered>99%', allowedShare: 0.01 },
    { kind: 'latency', text: `p99<${thresholdMs}ms`, percentile: 99, thresholdMs, allowedShare: 0.01 },
  ];
}

/** The shortest time that an objective names, in milliseconds; undefined: none names one. */
export function strictestMs(objectives: readonly Objective[]): number | undefined {
  const thresholds = objectives.flatMap((each) => (each.kind === 'latency' ? each.thresholdMs : []));
  return thresholds.length === 0 ? undefined : Math.min(...thresholds);
}

/** An objective without white space, or what is wrong with it. */
function parseObjective(text: string): Objective | string {
  const [, name = '', comparison = '', value = ''] = /^([^<>=]*)([<>]=?|=)(.*)$/.exec(text) ?? [];
  // A measured time equals a threshold only by rounding: `<` and `<=` are the same.
  const sign = comparison.charAt(0);
  if (/^p\d/.test(name)) return parseLatency(text, Number(name.slice(1)), sign, value);
  if (name === 'delivered') {
    return sign === '>' ? parseDelivered(text, value) : 'must ask for more: delivered>99.5%';
  }
  if (name === 'rate') return sign === '>' ? parseRate(text, value) : 'must ask for more: rate>=195/s';
  return 'is not known: p99<300ms, delivered>99.5% and rate>=195/s are';
}

function parseLatency(text: string, percentile: number, sign: string, value: string): Objective | string {
  if (!(percentile > 0 && percentile < 100)) {
    return 'names no percentile: it must lie between 0 and 100, such as p99.9';
  }
  if (sign !== '<') return `must ask for less: p${percentile}<300ms`;
  const thresholdMs = parseDurationMs(value);
  if (!thresholdMs) {
    return `names no time: it must be a number and ms, s or m, such as p${percentile}<300ms`;
  }
  return { kind: 'latency', text, percentile, thresholdMs, allowedShare: oneMinus(percentile / 100) };
}

function parseDelivered(text: string, value: string): Objective | string {
  const share = parseShare(value);
  if (share === undefined) {
    return 'names no share: it must be a percentage up to 100, such as delivered>99.5%';
  }
  if (share === 1) {
    return 'can never be shown from a sample: ask for less than 100 %, such as delivered>99.9%';
  }
  return { kind: 'delivered', text, allowedShare: oneMinus(share) };
}

function parseRate(text: string, value: string): Objective | string {
  const ratePerSecond = parseRatePerSecond(value);
  if (!ratePerSecond) return 'names no rate: it must be a number of events a second, such as rate>=195/s';
  return { kind: 'rate', text, ratePerSecond };
}

/** Without the digits that subtracting adds: 1 - 0.995 is 0.005. */
function oneMinus(share: number): number {
  return Number((1 - share).toFixed(12));
}
