import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ResolvedClient } from '../../src/config/config-schema.ts';
import { parseConfig } from '../../src/config/load-config.ts';
import { EVENT_TYPES } from '../../src/core/event-types.ts';
import { seededRandom } from '../../src/core/random.ts';
import { createIdSource } from '../../src/intake/id-source.ts';
import { SendBudget } from '../../src/loadtest/generator.ts';
import { createPayloads, generateTemplates } from '../../src/loadtest/payloads.ts';
import {
  type Effects,
  type Probed,
  type ProbePlan,
  runProbe,
  type StopRule,
} from '../../src/loadtest/probe.ts';
import { openDirectSender } from '../../src/loadtest/senders/direct-sender.ts';
import type { ClientSettings, Company, CompanyOptions } from '../../src/sandbox/company.ts';
import { testSandbox } from '../support/sandbox.ts';
import { testDirectory } from '../support/waybill-process.ts';

/** A company under load, and what the load is sent with. */
export interface Measured {
  readonly company: Company;
  readonly client: ResolvedClient;
  readonly effects: Effects;
  /** How long each request for a token took, in milliseconds. */
  readonly tokenRequests: readonly number[];
  probe(plan: Partial<ProbePlan>, changes?: Partial<Effects>, rule?: StopRule): Promise<Probed>;
}

const RUN_ID = 'run-1';

/** Starts a company and opens the direct way to it; all of it is closed when the test is over. */
export async function measured(
  options: CompanyOptions,
  settings: Partial<ClientSettings> = {},
): Promise<Measured> {
  const company = await testSandbox().company('acme', options);
  const text = JSON.stringify({ clients: { acme: company.clientSettings(settings) } });
  const client = parseConfig(text, join(testDirectory(), 'waybill.yaml'), {}).clients['acme'];
  if (client === undefined) throw new Error('the client is gone');
  const tokenRequests: number[] = [];
  const sender = openDirectSender({
    client,
    runId: RUN_ID,
    maxInFlight: 1_000,
    redis: undefined,
    secretKey: undefined,
    now: Date.now,
    onTokenRequest: (ms) => tokenRequests.push(ms),
  });
  onTestFinished(() => sender.close());
  const random = seededRandom(1);
  const payloads = createPayloads({
    shares: [{ weight: 1, templates: generateTemplates(EVENT_TYPES[0], random, 20) }],
    runId: RUN_ID,
    duplicates: 0,
    random,
    newId: createIdSource(),
  });
  const effects: Effects = {
    send: sender.send,
    callOff: sender.callOff,
    nextEvent: payloads,
    budget: new SendBudget(Number.POSITIVE_INFINITY),
    now: () => performance.now(),
    wallNow: Date.now,
    interrupted: new AbortController().signal,
    onProgress: () => {},
    onProbe: () => {},
  };
  const usual = {
    label: 'run',
    warmupMs: 0,
    arrivals: 'constant',
    seed: 1,
    maxInFlight: 1_000,
    timeoutMs: client.timeoutMs,
    stages: [],
  } as const;
  return {
    company,
    client,
    effects,
    tokenRequests,
    probe: (plan, changes = {}, rule = () => undefined) =>
      runProbe({ ...usual, ...plan }, { ...effects, ...changes }, rule),
  };
}
