import type { ResolvedClient } from '../../config/config-schema.ts';
import { findLimit } from '../../loadtest/find-limit/find-limit.ts';
import type { SearchOptions } from '../../loadtest/find-limit/search-state.ts';
import { findPermission } from '../../loadtest/load-permission.ts';
import { runLoad } from '../../loadtest/run.ts';
import { countEvents, defaultMaxInFlight, highestRate, type Stage } from '../../loadtest/schedule.ts';
import { UsageError } from '../run-command.ts';
import type { FindOptions, LoadOptions, RunOptions } from './load-options.ts';
import type { Prepared } from './prepare.ts';
import type { Job } from './run-load-test.ts';

const RUN_WARMUP_MS = 5_000;
const SEARCH_WARMUP_MS = 1_000;
/** The highest rate of a search without another bound: no generator offers more. */
const HIGHEST_RATE = 10_000;
/** The event that is sent before all others. */
const PREFLIGHT = 1;

/** Plans `waybill loadtest run`. @throws UsageError, as does the planning itself */
export function planRun(options: RunOptions): (prepared: Prepared) => Job {
  const { via, arrivals, duplicates, abortOn: abort } = options;
  const stages = stagesOf(options);
  return ({ client, seed, objectives, source: payloads }) => {
    const { timeoutMs } = client;
    const warmupMs = options.warmup ?? RUN_WARMUP_MS;
    const rate = highestRate(stages);
    const total = countEvents(stages, warmupMs, { arrivals, seed }) + PREFLIGHT;
    expectPermitted(client, options, rate, total);
    const maxInFlight = options.maxInFlight ?? defaultMaxInFlight(rate, timeoutMs);
    const sent = { arrivals, seed, warmupMs, maxInFlight, stages };
    return {
      kind: 'run',
      plan: { ...sent, via, objectives: objectives.map(({ text }) => text), payloads, duplicates },
      highestRate: rate,
      total,
      durationMs: warmupMs + stages.reduce((sum, stage) => sum + stage.durationMs, 0),
      carryOut: (effects) => runLoad({ ...sent, label: 'run', timeoutMs, objectives, abort }, effects),
    };
  };
}

/** What the client's configuration and the flags permit. @throws UsageError if a plan goes beyond it */
function expectPermitted(client: ResolvedClient, options: LoadOptions, rate?: number, total?: number) {
  const found = findPermission(client, options.maxRequests, rate, total);
  if (!found.ok) throw new UsageError(found.problems.join('; '));
  return found.value;
}

function stagesOf({ rate, stages, duration }: RunOptions): readonly Stage[] {
  if (stages !== undefined && rate !== undefined)
    throw new UsageError('--rate and --stages do not go together');
  if (stages !== undefined) return stages;
  if (rate === undefined) throw new UsageError('--rate or --stages must say how much to send');
  return [{ durationMs: duration, fromRate: rate, toRate: rate }];
}

/** Plans `waybill loadtest find-limit`. The planning throws UsageError. */
export function planSearch(options: FindOptions): (prepared: Prepared) => Job {
  const { via, duplicates, maxInFlight, abortOn: abort } = options;
  return (prepared) => {
    const { timeoutMs } = prepared.client;
    const planned = searchOf(prepared, options);
    const { arrivals, seed, warmupMs, objectives, ...search } = planned;
    return {
      kind: 'find-limit',
      plan: {
        ...{ arrivals, seed, warmupMs, via, duplicates, stages: [], search, payloads: prepared.source },
        objectives: objectives.map(({ text }) => text),
        maxInFlight: maxInFlight ?? defaultMaxInFlight(search.maxRate, timeoutMs),
      },
      highestRate: search.maxRate,
      total: search.maxRequests,
      durationMs: search.budgetMs,
      carryOut: (effects) => findLimit({ search: planned, timeoutMs, maxInFlight, abort }, effects),
    };
  };
}

/** @throws UsageError if the search goes beyond what is permitted */
function searchOf({ client, objectives, seed }: Prepared, options: FindOptions): SearchOptions {
  const {
    start: startRate,
    precision,
    arrivals,
    probe: probeMs,
    confirm: confirmMs,
    budget: budgetMs,
  } = options;
  const rate = objectives.find(({ kind }) => kind === 'rate');
  if (rate !== undefined) {
    throw new UsageError(
      `--slo '${rate.text}' cannot be judged by find-limit: it sets the rate itself, and looks for the highest that meets the other objectives (--start and --max-rate are its bounds)`,
    );
  }
  const { maxRequests, maxRatePerSecond } = expectPermitted(client, options, options.maxRate);
  const maxRate = options.maxRate ?? Math.min(maxRatePerSecond, HIGHEST_RATE);
  if (startRate > maxRate) throw new UsageError('--start is beyond the highest rate');
  if (precision === 0) throw new UsageError('--precision must be more than 0%');
  const warmupMs = options.warmup ?? SEARCH_WARMUP_MS;
  const lengths = { warmupMs, probeMs, confirmMs, budgetMs };
  return { startRate, maxRate, precision, arrivals, seed, ...lengths, maxRequests, objectives };
}
