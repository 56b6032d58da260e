import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { type ConfigInput, createProducer, type SubmitResult } from '../../src/index.ts';
import type { ClientView } from '../../src/queue/client-view.ts';
import type { ClientSettings, Company } from '../../src/sandbox/company.ts';
import type { Reply } from '../../src/sandbox/scripts.ts';
import { readView } from './client-view.ts';
import { numberedEvents } from './events.ts';
import { type OwnRedis, type Settings, startOwnRedis } from './own-redis.ts';
import { testSandbox } from './sandbox.ts';
import { loseLocks, recoverStalled } from './stalled.ts';
import { until } from './until.ts';
import { runWaybill, startWaybill, testDirectory, type WaybillProcess } from './waybill-process.ts';

const TYPE = 'disposition_update';
/** For what takes seconds, on a machine that is ten times slower. */
const PATIENT_MS = 120_000;
/** A load of 2,000 events a second. */
const CHUNK = 40;
const CHUNK_MS = 20;
/** How long a batch that nobody works on is looked at before its lock is taken away. */
const ABANDONED_MS = 1_500;

/** A client, the service as a process, and a Redis of their own to which something is to happen. */
export interface OutageScene extends Scene {
  readonly server: OwnRedis;
}

/** Where the events of a scene are. */
export interface Store {
  /** `redis` of the configuration. */
  readonly section: ConfigInput['redis'];
  /** A connection to what takes writes; closed when the test is over. */
  connect(options?: { readonly maxRetriesPerRequest?: null }): Redis;
}

/** A client, and the service as a process. */
export interface Scene {
  /** The configuration. */
  readonly file: string;
  readonly company: Company;
  /** All that was taken so far. */
  readonly taken: Taken;
  /** Starts a service with one worker, and `more` on its command line, and waits until that delivers. */
  startService(...more: string[]): Promise<WaybillProcess>;
  /** Submits so many events, each about a unit of its own. @returns the ids of those that were accepted */
  submit(count: number): Promise<string[]>;
  /** Submits single events until one is accepted. @returns the ids of those accepted */
  submitUntilAccepted(): Promise<string[]>;
  /** Submits events without a pause until it is stopped, whatever becomes of them. */
  load(): { stop(): Promise<void> };
  /** Submits single events until one is refused. @returns why; fails where one waits for a second or more */
  refusedAtOnce(): Promise<string>;
  /** What `waybill send` does with one event, and prints. */
  send(): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
  status(): Promise<ClientView>;
  /**
   * Resolves when Redis holds no event that is still to be delivered. Batches that were given to nobody, since
   * the answer was lost, are freed of their locks when nothing else is left, as half a minute would do.
   */
  drained(): Promise<void>;
  /** Resolves when all of these were delivered. */
  delivered(ids: readonly string[]): Promise<void>;
}

/** The ids of events that Redis has, and of those of which it is not known. */
export interface Taken {
  readonly accepted: string[];
  readonly unknown: string[];
}

interface OutageOptions extends SceneOptions {
  readonly redis?: Settings;
}

/** What a scene begins with. */
export interface SceneOptions {
  readonly script?: Reply;
  readonly client?: Partial<ClientSettings>;
  /** How long a silent Redis is waited for by the producer. */
  readonly answerTimeoutMs?: number;
}

/** Sets up one client, and a Redis; all of it is gone when the test is over. */
export async function outageScene({ redis, ...options }: OutageOptions = {}): Promise<OutageScene> {
  const server = await startOwnRedis({ 'maxmemory-policy': 'noeviction', ...redis });
  const scene = await sceneOn({ section: { url: server.socketPath }, connect: server.connect }, options);
  return { server, ...scene };
}

/** Sets up one client whose events are there; all of it is gone when the test is over. */
export async function sceneOn(store: Store, options: SceneOptions = {}): Promise<Scene> {
  const script = options.script === undefined ? {} : { script: options.script };
  const company = await testSandbox().company('acme', script);
  const directory = testDirectory();
  const file = join(directory, 'waybill.yaml');
  const config = {
    redis: store.section,
    shutdownGraceMs: 0,
    clients: { acme: company.clientSettings(options.client ?? {}) },
  };
  writeFileSync(file, stringify(config));
  const { answerTimeoutMs = 2_000 } = options;
  const producer = await createProducer(file, { answerTimeoutMs });
  onTestFinished(() => producer.close());
  let units = 0;
  const nextEvents = (count: number) => {
    units += count;
    return numberedEvents(TYPE, count, units - count);
  };
  const taken: Taken = { accepted: [], unknown: [] };
  const submitAny = async (count: number): Promise<SubmitResult[]> => {
    const results = await producer.submitMany('acme', TYPE, nextEvents(count));
    for (const result of results) if (result.outcome !== 'refused') taken[result.outcome].push(result.id);
    return results;
  };
  const submit = async (count: number): Promise<string[]> => {
    const results = await submitAny(count);
    return results.flatMap((result) => (result.outcome === 'accepted' ? [result.id] : []));
  };
  const status = async (): Promise<ClientView> => {
    const redis = store.connect();
    try {
      return await readView(redis, 'acme');
    } finally {
      redis.disconnect();
    }
  };

  return {
    file,
    company,
    taken,
    async startService(...more) {
      const service = startWaybill(['start', '--workers', '1', '--config', file, ...more], { directory });
      await service.waitForLine('delivering', { timeoutMs: PATIENT_MS });
      return service;
    },
    submit,
    load() {
      let stopping = false;
      const running = (async () => {
        while (!stopping) {
          await submitAny(CHUNK);
          await pause(CHUNK_MS);
        }
      })();
      return {
        async stop() {
          stopping = true;
          await running;
        },
      };
    },
    async refusedAtOnce() {
      let reason: string | undefined;
      await until(async () => {
        const from = performance.now();
        const [result] = await submitAny(1);
        if (result?.outcome !== 'refused') return false;
        reason = result.problems[0]?.message;
        if (performance.now() - from > 5_000) throw new Error('the refusal waited for an answer');
        return true;
      });
      return reason ?? '';
    },
    async submitUntilAccepted() {
      const ids: string[] = [];
      await until(async () => {
        ids.push(...(await submit(1)));
        return ids.length > 0;
      });
      return ids;
    },
    send: () =>
      runWaybill(['send', 'acme', TYPE, '-', '--config', file], {
        directory,
        input: JSON.stringify(nextEvents(1)[0]),
      }),
    status,
    drained: () => drained(store, company, status),
    delivered: (ids) =>
      company.waitFor((seen) => ids.every((id) => seen.deliveredIds.has(id)), { timeoutMs: PATIENT_MS }),
  };
}

async function drained(store: Store, company: Company, status: () => Promise<ClientView>): Promise<void> {
  let last = '';
  let lastAt = performance.now();
  await until(async () => {
    const { waiting, inFlight, retrying, delivered, dead, accepted } = await status();
    // What moves from one to another just now may be missed in both.
    if (waiting + inFlight + retrying === 0 && delivered + dead === accepted) return true;
    const state = `${waiting} ${inFlight} ${retrying} ${company.tally.received}`;
    if (state !== last || waiting + retrying + company.tally.inFlight > 0) lastAt = performance.now();
    last = state;
    if (performance.now() - lastAt < ABANDONED_MS) return false;
    const redis = store.connect();
    await loseLocks(redis, 'acme');
    await recoverStalled(redis, 'acme', store.connect({ maxRetriesPerRequest: null }));
    lastAt = performance.now();
    return false;
  }, PATIENT_MS);
}
