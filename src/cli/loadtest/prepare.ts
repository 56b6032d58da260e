import type { Redis } from 'ioredis';
import { asksForTokens } from '../../config/client-config.ts';
import type { Config } from '../../config/config-schema.ts';
import { loadConfig } from '../../config/load-config.ts';
import { seededRandom } from '../../core/seeded-random.ts';
import { WaybillError } from '../../core/waybill-error.ts';
import { createIdSource } from '../../intake/event-id.ts';
import { defaultObjectives, type Objective } from '../../loadtest/objectives.ts';
import { createPayloads, type PayloadSource } from '../../loadtest/payloads.ts';
import { newRunId } from '../../loadtest/senders/direct-sender.ts';
import { type Operator, openOperator } from '../open-operator.ts';
import { UsageError } from '../run-command.ts';
import { expectWritable } from './expect-writable.ts';
import { findPayloads } from './find-payloads.ts';
import { type LoadOptions, readObjectives } from './load-options.ts';
import { findTarget, type Target } from './target.ts';

/** A load test that is ready to be asked about, and nothing sent yet. */
export interface Prepared {
  readonly config: Config;
  readonly target: Target;
  readonly runId: string;
  readonly seed: number;
  readonly objectives: readonly Objective[];
  readonly payloads: PayloadSource;
  /** Where payloads came from. */
  readonly source: string;
  /** The Redis that the engine keeps its tokens in, where it runs. */
  readonly redis: Redis | undefined;
  close(): Promise<void>;
}

const MOST_SEEDS = 1_000_000;

/** Finds all that a load test is made of. @throws UsageError, ConfigError */
export async function prepare(name: string, type: string, options: LoadOptions): Promise<Prepared> {
  if (options.via === 'engine' && options.duplicates > 0) {
    throw new UsageError('--duplicates needs --via direct: the engine gives each event an id of its own');
  }
  for (const file of [options.report, options.html]) if (file !== undefined) expectWritable(file);
  const config = loadConfig(options.config);
  const target = findTarget(config, name, type, options.mix);
  const runId = newRunId();
  const seed = options.seed ?? Math.floor(Math.random() * MOST_SEEDS) + 1;
  const random = seededRandom(seed);
  const operator = await findOperator(target, options);
  try {
    const { shares, source } = await findPayloads(target, options, random, operator?.redis);
    return {
      config,
      target,
      runId,
      seed,
      source,
      redis: operator?.redis,
      objectives:
        options.slo === undefined ? defaultObjectives(target.client.timeoutMs) : readObjectives(options.slo),
      payloads: createPayloads({
        shares,
        runId,
        duplicates: options.duplicates,
        random,
        newId: createIdSource(),
      }),
      close: async () => operator?.close(),
    };
  } catch (error) {
    await operator?.close();
    throw error;
  }
}

/** Tokens are shared with the engine where that runs; without it the test takes its own. */
async function findOperator({ client }: Target, options: LoadOptions): Promise<Operator | undefined> {
  if (options.fromDeadLetters === true) return openOperator(options.config);
  if (!asksForTokens(client.auth)) return undefined;
  try {
    return await openOperator(options.config);
  } catch (error) {
    if (error instanceof WaybillError && error.code.startsWith('REDIS_')) return undefined;
    throw error;
  }
}
