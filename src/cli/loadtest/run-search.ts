import type { LoadOutcome } from '../../loadtest/build-load-report.ts';
import { defaultMaxInFlight, findLimit } from '../../loadtest/find-limit/find-limit.ts';
import type { SearchOptions } from '../../loadtest/find-limit/search-state.ts';
import { chooseProbe, hasHeld } from '../../loadtest/load-report.ts';
import { type Recommendations, recommend } from '../../loadtest/recommend.ts';
import { UsageError } from '../run-command.ts';
import type { Terminal } from '../terminal.ts';
import { agree } from './agree.ts';
import { execute } from './execute.ts';
import type { FindOptions } from './load-options.ts';
import { expectPermitted, permitOf } from './permission.ts';
import { type Prepared, prepare } from './prepare.ts';
import { onFailing } from './stop-at.ts';

const WARMUP_MS = 1_000;
/** No generator offers more; where nothing else is a bound. */
const HIGHEST_RATE = 10_000;

/** `waybill loadtest find-limit`. @returns the exit code */
export async function runSearch(
  terminal: Terminal,
  client: string,
  type: string,
  options: FindOptions,
): Promise<number> {
  const prepared = await prepare(client, type, options);
  try {
    return await search(terminal, prepared, options);
  } finally {
    await prepared.close();
  }
}

async function search(terminal: Terminal, prepared: Prepared, options: FindOptions): Promise<number> {
  const { timeoutMs } = prepared.target.client;
  const searched = searchOf(prepared, options);
  const { arrivals, seed, warmupMs, objectives, ...search } = searched;
  const plan = {
    arrivals,
    seed,
    warmupMs,
    via: options.via,
    stages: [],
    search,
    objectives: objectives.map(({ text }) => text),
    maxInFlight: options.maxInFlight ?? defaultMaxInFlight(searched.maxRate, timeoutMs),
    payloads: prepared.source,
    duplicates: options.duplicates,
  } as const;
  const { maxRate: highestRate, maxRequests: total, budgetMs: durationMs } = searched;
  const intent = { plan, highestRate, total, atMost: true, durationMs };
  const answer = await agree(terminal, prepared, intent, options);
  if (answer !== undefined) return answer;
  const { maxInFlight } = options;
  const abort = onFailing(options.abortOn);
  return execute(terminal, {
    kind: 'find-limit',
    prepared,
    options,
    plan,
    maxRequests: total,
    carryOut: (effects, onProbe) =>
      findLimit({ search: searched, timeoutMs, maxInFlight, abort, onProbe }, effects),
    recommend: recommendFor,
  });
}

/** @throws UsageError where the search goes beyond what is permitted */
function searchOf({ target, objectives, seed }: Prepared, options: FindOptions): SearchOptions {
  const rate = objectives.find(({ kind }) => kind === 'rate');
  if (rate !== undefined) {
    throw new UsageError(
      `--slo '${rate.text}' cannot be judged by find-limit: it sets the rate itself, and looks for the highest that meets the other objectives (--start and --max-rate are its bounds)`,
    );
  }
  const permit = permitOf(target.client);
  const maxRequests = Math.min(permit.maxRequests, options.maxRequests ?? permit.maxRequests);
  const maxRate = options.maxRate ?? Math.min(permit.maxRatePerSecond, HIGHEST_RATE);
  if (options.start > maxRate) throw new UsageError('--start is beyond the highest rate');
  if (options.precision === 0) throw new UsageError('--precision must be more than 0%');
  expectPermitted(permit, maxRate, maxRequests);
  return {
    startRate: options.start,
    maxRate,
    precision: options.precision,
    arrivals: options.arrivals,
    seed,
    warmupMs: options.warmup ?? WARMUP_MS,
    probeMs: options.probe,
    confirmMs: options.confirm,
    budgetMs: options.budget,
    maxRequests,
    objectives,
  };
}

/** Settings for the rate that was found; as measured by the probe that speaks for it. */
function recommendFor({ result: { limit }, probes }: LoadOutcome): Recommendations | undefined {
  if (limit === undefined || limit.kind === 'none') return undefined;
  const speakers = probes.map(({ purpose, verdict, probed: { observation } }) => {
    const { plannedRatePerSecond: ratePerSecond, cutShort } = observation;
    return { purpose, verdict, ratePerSecond, ...(cutShort === undefined ? {} : { cutShort }), observation };
  });
  const speaker = chooseProbe(speakers, limit);
  if (speaker === undefined || speaker.purpose === 'preflight' || !hasHeld(speaker)) return undefined;
  return recommend(limit.ratePerSecond, speaker.observation);
}
