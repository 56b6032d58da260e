import type { Observation } from './observation.ts';
import { showNumber, showShare } from './quantities.ts';

const LEAST_DELIVERED = 0.97;
/** Fewer than these say nothing about a share of 3 %. */
const LEAST_FINISHED = 100;
const MOST_GROWTH = 1.5;
const LEAST_IN_FLIGHT = 10;

/**
 * Whether the endpoint falls behind, as a sentence; undefined: it does not. Its backlog grows (in flight in the
 * last third of the time more than 1.5 times the middle third, and more than 10), or less than 97 % of what was
 * offered is delivered.
 */
export function findOverload(observation: Observation): string | undefined {
  const { offered, delivered } = observation;
  return (
    findGrowth(observation.inFlight.middleThird, observation.inFlight.lastThird) ??
    findShortfall(offered - delivered, offered, 1)
  );
}

/**
 * The same in the middle of a probe, which is cut short then. `inFlight` is of thirds of the time so far, and
 * `finished` the events that have an outcome; the caller asks from half of the probe's time on.
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
