import { seededRandom } from '../../src/core/random.ts';
import type { ProbeStep } from '../../src/loadtest/find-limit/search-state.ts';
import type { Observation } from '../../src/loadtest/observation.ts';
import { distributionOf, observationOf, times } from './observations.ts';

/** An endpoint that exists as a formula: what a probe of it observes. */
export type SimulatedEndpoint = (step: ProbeStep) => Observation;

const TIMEOUT_MS = 10_000;

function arrivals({ ratePerSecond, durationMs }: ProbeStep): number {
  return Math.max(1, Math.round((ratePerSecond * durationMs) / 1_000));
}

/** Requests in flight in a third of the time, on the mean. */
function meanInFlight(responses: readonly number[], spacingMs: number, from: number, to: number): number {
  let sum = 0;
  for (const [n, ms] of responses.entries()) {
    const start = Math.max(n * spacingMs, from);
    sum += Math.max(0, Math.min(n * spacingMs + ms, to) - start);
  }
  return sum / (to - from);
}

function observe(step: ProbeStep, responses: readonly number[], failed = 0): Observation {
  const spacingMs = 1_000 / step.ratePerSecond;
  const third = step.durationMs / 3;
  const late = responses.filter((ms) => ms >= TIMEOUT_MS).length;
  return observationOf(responses, {
    plannedRatePerSecond: step.ratePerSecond,
    durationMs: step.durationMs,
    delivered: responses.length - late - failed,
    inFlight: {
      middleThird: meanInFlight(responses, spacingMs, third, 2 * third),
      lastThird: meanInFlight(responses, spacingMs, 2 * third, step.durationMs),
    },
  });
}

/** Serves `capacity` a second and no more: what comes beyond it waits in line for its turn. */
export function queueingEndpoint(capacity: number, latencyMs: number): SimulatedEndpoint {
  return (step) => {
    let freeAt = 0;
    const responses = Array.from({ length: arrivals(step) }, (_, n) => {
      const at = (n * 1_000) / step.ratePerSecond;
      const start = Math.max(at, freeAt);
      freeAt = start + 1_000 / capacity;
      return Math.min(TIMEOUT_MS, start - at + latencyMs);
    });
    return observe(step, responses);
  };
}

/** Answers at once up to its capacity, and fails a third of all beyond it. */
export function failingEndpoint(capacity: number): SimulatedEndpoint {
  return (step) => {
    const count = arrivals(step);
    return observe(step, times(count, 40), step.ratePerSecond > capacity ? Math.ceil(count / 3) : 0);
  };
}

/**
 * Gets slower the nearer it comes to saturation, as a line in front of one server does. The share above
 * `thresholdMs` reaches 1 % at `capacity`.
 */
export function slowKnee(capacity: number, thresholdMs: number, seed: number): SimulatedEndpoint {
  const random = seededRandom(seed);
  const saturation = capacity / (1 - (10 * Math.log(100)) / (thresholdMs - 20));
  return (step) => {
    const meanMs = 10 / Math.max(1e-3, 1 - step.ratePerSecond / saturation);
    const response = () => Math.min(TIMEOUT_MS, 20 - meanMs * Math.log(1 - random()));
    return observe(step, Array.from({ length: arrivals(step) }, response));
  };
}

/** Another endpoint, of whose answers a share takes two seconds for no reason. */
export function noisy(endpoint: SimulatedEndpoint, share: number, seed: number): SimulatedEndpoint {
  const random = seededRandom(seed);
  return (step) => {
    const calm = endpoint(step);
    const responses = Array.from({ length: calm.response.total }, (_, n) => {
      const ms = calm.response.percentileMs((100 * (n + 1)) / calm.response.total);
      return random() < share ? Math.max(ms, 2_000) : ms;
    });
    return { ...calm, response: distributionOf(responses) };
  };
}

/** Answers 429 to all that comes beyond so many a second. */
export function limitingEndpoint(limit: number): SimulatedEndpoint {
  return (step) => {
    const count = arrivals(step);
    const seconds = step.durationMs / 1_000;
    if (step.ratePerSecond <= limit) return observe(step, times(count, 40));
    const refused = count - Math.min(count, Math.round(limit * seconds));
    const declaredLimit = { status: 429, atRatePerSecond: step.ratePerSecond };
    return { ...observe(step, times(count, 40), refused), declaredLimit };
  };
}

/** Another endpoint, probed by a generator that attends to so many a second at most. */
export function behindGenerator(endpoint: SimulatedEndpoint, mostPerSecond: number): SimulatedEndpoint {
  return (step) => {
    const sentShare = Math.min(1, mostPerSecond / step.ratePerSecond);
    const observation = endpoint(step);
    return { ...observation, generator: { ...observation.generator, sentShare } };
  };
}

/** Takes two seconds for every so-manieth request, at any rate. */
export function slowOneIn(every: number): SimulatedEndpoint {
  return (step) => {
    const response = (_: unknown, n: number) => (n % every === every - 1 ? 2_000 : 50);
    return observe(step, Array.from({ length: arrivals(step) }, response));
  };
}
