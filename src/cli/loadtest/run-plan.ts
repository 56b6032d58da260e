import { defaultMaxInFlight } from '../../loadtest/find-limit/find-limit.ts';
import { runLoad } from '../../loadtest/run.ts';
import { countEvents, highestRate, type Stage } from '../../loadtest/schedule.ts';
import { UsageError } from '../run-command.ts';
import type { Terminal } from '../terminal.ts';
import { agree } from './agree.ts';
import { execute } from './execute.ts';
import type { RunOptions } from './load-options.ts';
import { expectPermitted, permitOf } from './permission.ts';
import { type Prepared, prepare } from './prepare.ts';
import { onFailing } from './stop-at.ts';

const WARMUP_MS = 5_000;
/** The event that is sent before all others. */
const PREFLIGHT = 1;

/** `waybill loadtest run`. @returns the exit code */
export async function runPlan(
  terminal: Terminal,
  client: string,
  type: string,
  options: RunOptions,
): Promise<number> {
  const stages = stagesOf(options);
  const prepared = await prepare(client, type, options);
  try {
    return await send(terminal, prepared, stages, options);
  } finally {
    await prepared.close();
  }
}

function stagesOf({ rate, stages, duration }: RunOptions): readonly Stage[] {
  if (stages !== undefined && rate !== undefined)
    throw new UsageError('--rate and --stages do not go together');
  if (stages !== undefined) return stages;
  if (rate === undefined) throw new UsageError('--rate or --stages must say how much to send');
  return [{ durationMs: duration, fromRate: rate, toRate: rate }];
}

async function send(
  terminal: Terminal,
  prepared: Prepared,
  stages: readonly Stage[],
  options: RunOptions,
): Promise<number> {
  const { timeoutMs } = prepared.target.client;
  const warmupMs = options.warmup ?? WARMUP_MS;
  const rate = highestRate(stages);
  const { seed, objectives, source: payloads } = prepared;
  const { arrivals, duplicates } = options;
  const total = countEvents(stages, warmupMs, { arrivals, seed }) + PREFLIGHT;
  const permit = permitOf(prepared.target.client);
  const maxRequests = Math.min(permit.maxRequests, options.maxRequests ?? permit.maxRequests);
  expectPermitted({ ...permit, maxRequests }, rate, total);
  const maxInFlight = options.maxInFlight ?? defaultMaxInFlight(rate, timeoutMs);
  const sent = { arrivals, seed, warmupMs, maxInFlight };
  const written = objectives.map(({ text }) => text);
  const plan = { ...sent, via: options.via, stages, objectives: written, payloads, duplicates } as const;
  const durationMs = warmupMs + stages.reduce((sum, stage) => sum + stage.durationMs, 0);
  const answer = await agree(
    terminal,
    prepared,
    { plan, highestRate: rate, total, atMost: false, durationMs },
    options,
  );
  if (answer !== undefined) return answer;
  const abort = onFailing(options.abortOn);
  return execute(terminal, {
    kind: 'run',
    prepared,
    options,
    plan,
    maxRequests,
    carryOut: (effects) => runLoad({ ...sent, label: 'run', stages, timeoutMs, objectives, abort }, effects),
    recommend: () => undefined,
  });
}
