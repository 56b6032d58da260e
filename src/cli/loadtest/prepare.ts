import { randomUUID } from 'node:crypto';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { asksForTokens } from '../../config/client-config.ts';
import type { Config, ResolvedClient } from '../../config/config-schema.ts';
import { loadConfig } from '../../config/load-config.ts';
import type { EventType } from '../../core/event-type.ts';
import { findEventType } from '../../core/event-types.ts';
import { didYouMean } from '../../core/near-miss.ts';
import { seededRandom } from '../../core/random.ts';
import { WaybillError } from '../../core/waybill-error.ts';
import { createIdSource } from '../../intake/id-source.ts';
import { readPayloads } from '../../intake/read-payloads.ts';
import type { ReportTarget } from '../../loadtest/load-report.ts';
import { defaultObjectives } from '../../loadtest/objectives.ts';
import {
  type BodyTemplate,
  createPayloads,
  generateTemplates,
  type Share,
  toTemplate,
} from '../../loadtest/payloads.ts';
import { readDeadLetters } from '../../queue/dead-letters.ts';
import type { Connection } from '../../queue/servers.ts';
import { findClient, type Operator, openOperator } from '../open-operator.ts';
import { UsageError } from '../run-command.ts';
import { findInput, GzipError } from '../send/event-input.ts';
import { type LoadOptions, readObjectives } from './load-options.ts';

const MOST_SEEDS = 1_000_000;
/** More payloads make no difference to an endpoint, and they are kept in memory. */
const MOST_PAYLOADS = 10_000;
const MOST_SHOWN = 3;

/** A load test that is ready to be asked about, and nothing sent yet. */
export type Prepared = Awaited<ReturnType<typeof prepare>>;

/** Finds all that a load test is made of. `redis`: the engine's, if it runs. @throws UsageError, ConfigError */
export async function prepare(name: string, type: string, options: LoadOptions) {
  const { duplicates, slo } = options;
  if (options.via === 'engine' && duplicates > 0) {
    throw new UsageError('--duplicates needs --via direct: the engine gives each event an id of its own');
  }
  for (const file of [options.report, options.html]) if (file !== undefined) expectWritable(file);
  const config = loadConfig(options.config);
  const found = findTarget(config, name, type, options.mix);
  const { client } = found;
  // Short enough for the units of its events and for logs.
  const runId = randomUUID().slice(0, 8);
  const seed = options.seed ?? Math.floor(Math.random() * MOST_SEEDS) + 1;
  const random = seededRandom(seed);
  const operator = await findOperator(client, options);
  const redis = operator?.redis;
  const close = async () => operator?.close();
  try {
    const { shares, source } = await findPayloads(found, options, random, redis);
    const objectives = slo === undefined ? defaultObjectives(client.timeoutMs) : readObjectives(slo);
    const nextEvent = createPayloads({ shares, runId, duplicates, random, newId: createIdSource() });
    const target = describeTarget(found);
    return { config, client, target, runId, seed, source, redis, objectives, nextEvent, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What is to be tested. */
interface Target {
  readonly client: ResolvedClient;
  /** The types that are sent, each with its weight. */
  readonly types: ReadonlyMap<EventType, number>;
}

/** Finds the client, and its endpoints for all types. @throws UsageError if one is missing */
function findTarget(
  config: Config,
  name: string,
  type: string,
  mix: ReadonlyMap<string, number> = new Map([[type, 1]]),
): Target {
  const client = findClient(config, name);
  if (!mix.has(type)) throw new UsageError(`--mix has no share for ${type}`);
  const has = Object.keys(client.endpoints);
  const types = [...mix].map(([each, weight]) => {
    const found = has.includes(each) ? findEventType(each) : undefined;
    if (found !== undefined) return [found, weight] as const;
    throw new UsageError(
      `client "${name}" has no endpoint for "${each}"; it has: ${has.join(', ')}${didYouMean(each, has)}`,
    );
  });
  return { client, types: new Map(types) };
}

/** The target as a report may name it: a URL's query may hold a key. */
function describeTarget({ client, types }: Target): ReportTarget {
  const { name, auth, timeoutMs, concurrency, ratePerSecond } = client;
  const names = [...types.keys()].map((type) => type.name);
  const urls = names.map((type) => {
    const { origin, pathname } = new URL(client.endpoints[type]?.url ?? '');
    return `${origin}${pathname}`;
  });
  return { client: name, types: names, urls, auth: auth.type, timeoutMs, concurrency, ratePerSecond };
}

/** Before anything is sent: a wrong path must not lose a measurement of a quarter of an hour. @throws UsageError */
function expectWritable(file: string): void {
  const exists = existsSync(file);
  if (exists && statSync(file).isDirectory()) throw new UsageError(`${file} is a directory, not a file`);
  try {
    accessSync(exists ? file : dirname(file), constants.W_OK);
  } catch (error) {
    throw new UsageError(`${file} cannot be written (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Tokens are shared with the engine if it runs; otherwise the test takes its own. */
async function findOperator(client: ResolvedClient, options: LoadOptions): Promise<Operator | undefined> {
  if (options.fromDeadLetters === true) return openOperator(options.config);
  if (!asksForTokens(client.auth)) return undefined;
  try {
    return await openOperator(options.config);
  } catch (error) {
    if (error instanceof WaybillError && error.code.startsWith('REDIS_')) return undefined;
    throw error;
  }
}

/** Finds or makes payloads, all of them valid. @throws UsageError if one is not, or there is none */
async function findPayloads(
  { client, types }: Target,
  { events: file, fromDeadLetters }: LoadOptions,
  random: () => number,
  redis: Connection | undefined,
) {
  if (file !== undefined && fromDeadLetters === true) {
    throw new UsageError('--events and --from-dead-letters do not go together');
  }
  if (file !== undefined && types.size > 1) {
    throw new UsageError('--events has payloads of one type: leave --mix out');
  }
  const shares: Share[] = [];
  for (const [type, weight] of types) {
    let templates: readonly BodyTemplate[];
    if (file !== undefined) templates = await readFile(type, file);
    else if (redis !== undefined && fromDeadLetters === true)
      templates = await readDead(redis, client.name, type);
    else templates = generateTemplates(type, random);
    shares.push({ weight, templates });
  }
  if (file !== undefined) return { shares, source: `from ${file}` };
  return { shares, source: fromDeadLetters === true ? 'from dead letters' : 'generated' };
}

async function readFile(type: EventType, file: string): Promise<BodyTemplate[]> {
  const templates: BodyTemplate[] = [];
  const problems: string[] = [];
  for await (const read of readPayloads(bytesOf(file))) {
    for (const each of read) {
      if ('problem' in each) {
        problems.push(`line ${each.line}: $ ${each.problem}`);
        continue;
      }
      const made = toTemplate(type, each.payload, each.source);
      if (made.ok) templates.push(made.template);
      else problems.push(`line ${each.line}: ${made.problems[0]?.path} ${made.problems[0]?.message}`);
    }
    if (templates.length + problems.length >= MOST_PAYLOADS) break;
  }
  if (problems.length > 0) {
    const more = problems.length > MOST_SHOWN ? ` … and ${problems.length - MOST_SHOWN} more` : '';
    const shown = `${problems.slice(0, MOST_SHOWN).join('; ')}${more}`;
    throw new UsageError(`${file} has payloads that are no ${type.name}: ${shown}`);
  }
  if (templates.length === 0) throw new UsageError(`${file} holds no payload`);
  return templates;
}

/** @throws UsageError */
async function* bytesOf(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* findInput(file).read(new AbortController().signal);
  } catch (error) {
    if (error instanceof GzipError) throw new UsageError(`${file}: ${error.message}`);
    throw error;
  }
}

async function readDead(redis: Connection, client: string, type: EventType): Promise<BodyTemplate[]> {
  const templates: BodyTemplate[] = [];
  for await (const page of readDeadLetters(redis, client)) {
    for (const event of page) {
      if (event.type !== type.name) continue;
      const made = toTemplate(type, JSON.parse(event.body));
      if (made.ok) templates.push(made.template);
    }
    if (templates.length >= MOST_PAYLOADS) break;
  }
  if (templates.length === 0) throw new UsageError(`client "${client}" has no dead letters of ${type.name}`);
  return templates;
}
