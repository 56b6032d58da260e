import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { RedisConfig } from '../../src/config/redis-config.ts';
import { createProducer } from '../../src/service/producer.ts';
import { startChild } from '../bench/child.ts';
import { readEnd, waitForEnd } from './aftermath.ts';
import { type Bystander, type BystanderAccount, openBystander } from './bystander.ts';
import { type DurableRedis, startDurableRedis } from './durable-redis.ts';
import type { Answers } from './evidence.ts';
import { startClusterRedis, startSentinelRedis } from './failover-redis.ts';
import { createFaultRecord, type FaultRecord, type Victims } from './faults.ts';
import type { Fault, RedisKind } from './plan.ts';
import { createLauncher } from './processes.ts';
import { type ProducerParts, runSends, submitSteadily } from './producers.ts';
import type { JudgeCommands } from './protocol.ts';
import { runReplays } from './replays.ts';
import { startServices } from './services.ts';
import { judge, type Verdict } from './verdict.ts';

const CLIENT = 'acme';
const CONCURRENCY = 32;
const SERVICES = 2;
const WORKERS = 2;
const SEND_LANES = 2;
/** Five retries in three seconds. */
const RETRY = { retries: 5, baseDelayMs: 200, factor: 1.5, maxDelayMs: 1_000, jitter: 0.1 };
/** Longer than any process is frozen: no request is given up for that alone. */
const TIMEOUT_MS = 120_000;

const START_REDIS: Readonly<Record<RedisKind, (directory: string) => Promise<DurableRedis>>> = {
  one: startDurableRedis,
  sentinel: startSentinelRedis,
  cluster: (directory) => startClusterRedis(directory, CLIENT),
};

/** The clock of the plan starts with so many requests. */
const BEGIN_AT = 200;
const LOOK_AGAIN_MS = 50;
const START_MS = 30_000;

/** What a run is given. */
export interface RunOptions {
  readonly plan: readonly Fault[];
  /** How long producers work at the least. */
  readonly seconds: number;
  /** How long after a kill what it interrupted is to be sent again at the latest. */
  readonly takeoverWithinMs: number;
  /** For how long nothing may be sent while producers work. */
  readonly longestSilenceMs: number;
  readonly redis: RedisKind;
  /** Where its files go. */
  readonly directory: string;
  onProgress(line: string): void;
}

/** What came of a run. */
export type Outcome = Verdict & {
  /** Faults that were carried out, by kind. */
  readonly kills: Readonly<Record<string, number>>;
  /** Dead letters that were put back, by those replays that lived to say so. */
  readonly replayed: number;
  /** A client whose server no fault hit: how many of its events were accepted, and for how long none came. */
  readonly bystander?: { readonly accepted: number; readonly silenceMs: number };
  /** From the end of the faults until all was delivered or dead. */
  readonly drainMs: number;
};

/** A run's parts that have to be ended, whatever happens; latest first. */
type Endings = (() => Promise<unknown> | unknown)[];

/** Runs services, producers and replays under faults, waits for all to come to its end, and judges it. */
export async function runChaos(options: RunOptions): Promise<Outcome> {
  const endings: Endings = [];
  const interrupt = (): void => void end(endings).finally(() => process.exit(130));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    return await run(options, endings);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    await end(endings);
  }
}

async function end(endings: Endings): Promise<void> {
  for (let ending = endings.pop(); ending !== undefined; ending = endings.pop()) await ending();
}

async function run(options: RunOptions, endings: Endings): Promise<Outcome> {
  const { plan, seconds, takeoverWithinMs, longestSilenceMs, directory, onProgress } = options;
  const judging = startChild<JudgeCommands>('../chaos/judge.js');
  endings.push(() => judging.close());
  const port = await judging.ask('listen', undefined);
  const redis = await START_REDIS[options.redis](directory);
  endings.push(() => redis.close());
  const bystander = redis.bystander === undefined ? undefined : await openBystander(redis.bystander);
  endings.push(() => bystander?.close());
  const configFile = writeConfig(directory, redis.section, port, bystander);
  const launcher = createLauncher({ configFile, directory });
  endings.push(() => launcher.killAll());

  let began = performance.now();
  const record = createFaultRecord(({ kind, forMs }) => {
    const at = ((performance.now() - began) / 1_000).toFixed(1);
    onProgress(`${at} s: ${kind}${forMs > 0 ? ` for ${(forMs / 1_000).toFixed(1)} s` : ''}`);
  });
  const services = startServices({ launcher, count: SERVICES, workers: WORKERS, directory });
  let stoppedAt: number | undefined;
  const stopping = (): boolean => stoppedAt !== undefined;
  let units = 0;
  const parts: ProducerParts = { client: CLIENT, nextUnit: () => (units += 1), stopping };
  const producer = await createProducer(configFile);
  endings.push(() => producer.close());
  const library = submitSteadily(parts, producer);
  const others = bystander?.run(producer, stopping);
  const lanes = Array.from({ length: SEND_LANES }, () =>
    runSends({ ...parts, launcher, disturbed: record.redisDisturbed }),
  );
  const replays = runReplays(launcher, stopping);
  const victims: Victims = { redis, services, lanes, replays, endpoint: judging };

  await underWay(() => judging.ask('count', undefined));
  began = performance.now();
  await disturb(record, plan, victims, seconds, () => {
    stoppedAt = Date.now();
  });
  const sent = await Promise.all(lanes.map((lane) => lane.done));
  const replayed = await replays.done;
  const answers = joinAnswers([await library, ...sent.flatMap((lane) => lane.answers)]);
  onProgress(`${units.toLocaleString('en-US')} events handed in; waiting for all of them to come to an end`);
  const end = await waitForEnd(redis, CLIENT, () => judging.ask('count', undefined));
  const ofOthers = await others;
  const misdeeds = [...(await services.stop()), ...services.deserters];
  const verdict = judge({
    ...(await judging.ask('report', undefined)),
    ...(await readEnd(redis, CLIENT)),
    answers,
    disturbances: record.disturbances,
    undrained: end.left,
    concurrency: CONCURRENCY,
    takeoverWithinMs,
    longestSilenceMs,
    stoppedAt: stoppedAt ?? Date.now(),
  });
  const faults = [...misdeeds, ...replayed.faults, ...sent.flatMap((lane) => lane.faults)];
  return {
    ...verdict,
    lost: verdict.lost + (ofOthers?.lost ?? 0),
    violations: [...faults, ...verdict.violations, ...judgeOthers(ofOthers, longestSilenceMs)],
    ...(ofOthers && { bystander: { accepted: ofOthers.accepted, silenceMs: ofOthers.longestSilenceMs } }),
    kills: countKinds(record),
    replayed: replayed.replayed,
    drainMs: Math.round(end.ms),
  };
}

/** Services are killed and frozen, too: it may have to wait for them. */
function judgeOthers(account: BystanderAccount | undefined, longestSilenceMs: number): readonly string[] {
  if (account === undefined) return [];
  const { longestSilenceMs: silenceMs, violations } = account;
  const silent = silenceMs > longestSilenceMs ? [`nothing came for the bystander for ${silenceMs} ms`] : [];
  return [...violations, ...silent];
}

/** Waits until services deliver, so that faults have something to disturb; a judgement follows in any case. */
async function underWay(count: () => Promise<number>): Promise<void> {
  const deadline = performance.now() + START_MS;
  while ((await count()) < BEGIN_AT && performance.now() < deadline) await pause(LOOK_AGAIN_MS);
}

/** Producers stop when the time is up; a fault may last longer. */
async function disturb(
  record: FaultRecord,
  plan: readonly Fault[],
  victims: Victims,
  seconds: number,
  stop: () => void,
): Promise<void> {
  const faults = record.carryOut(plan, victims);
  // A fault that breaks ends the run.
  await Promise.race([pause(seconds * 1_000), faults.then(() => pause(seconds * 1_000))]);
  stop();
  await faults;
}

function writeConfig(directory: string, redis: RedisConfig, port: number, bystander?: Bystander): string {
  const file = join(directory, 'waybill.yaml');
  const clientAt = (itsPort: number) => ({
    baseUrl: `http://127.0.0.1:${itsPort}`,
    endpoints: { disposition_update: '/dispositions' },
    allowPrivateNetwork: true,
    concurrency: CONCURRENCY,
    timeoutMs: TIMEOUT_MS,
    retry: RETRY,
    // Many of the events fail whatever the rate is: it is not to fall below this.
    pace: { mode: 'adaptive', minPerSecond: 500 },
  });
  const others = bystander === undefined ? {} : { [bystander.client]: clientAt(bystander.port) };
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ redis, clients: { [CLIENT]: clientAt(port), ...others } }));
  return file;
}

function joinAnswers(all: readonly Answers[]): Answers {
  return {
    accepted: all.flatMap(({ accepted }) => accepted),
    refused: all.flatMap(({ refused }) => refused),
    unknown: all.flatMap(({ unknown }) => unknown),
    counted: all.flatMap(({ counted }) => counted),
  };
}

function countKinds({ disturbances }: FaultRecord): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of disturbances) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
