import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { createProducer, type Producer } from '../../src/index.ts';
import type { ClientStatus } from '../../src/queue/client-status.ts';
import { readClientStatus } from '../../src/queue/client-status.ts';
import type { ClientSettings, Company } from '../../src/sandbox/company.ts';
import type { Reply } from '../../src/sandbox/scripts.ts';
import { numberedEvents } from './events.ts';
import { type OwnRedis, type Settings, startOwnRedis } from './own-redis.ts';
import { testSandbox } from './sandbox.ts';
import { until } from './until.ts';
import { runWaybill, startWaybill, testDirectory, type WaybillProcess } from './waybill-process.ts';

const TYPE = 'disposition_update';
/** The unit of times in /proc: a hundredth of a second on every Linux that Node runs on. */
const TICK_MS = 10;

/** A client, the service as a process, and a Redis of their own to which something is to happen. */
export interface OutageScene {
  readonly server: OwnRedis;
  readonly company: Company;
  readonly producer: Producer;
  /** Starts a service that delivers, and waits until it does. */
  startService(): Promise<WaybillProcess>;
  /** Submits so many events, each about a unit of its own. @returns the ids of those that were accepted */
  submit(count: number): Promise<string[]>;
  /** Submits single events until one is accepted. @returns the ids of those accepted */
  submitUntilAccepted(): Promise<string[]>;
  /** What `waybill send` does with one event, and prints. */
  send(): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
  status(): Promise<ClientStatus>;
  /** Resolves when Redis holds no event that is still to be delivered. */
  drained(): Promise<void>;
  /** Resolves when all of these were delivered. */
  delivered(ids: readonly string[]): Promise<void>;
}

/** What a scene begins with. */
export interface SceneOptions {
  readonly redis?: Settings;
  readonly script?: Reply;
  readonly client?: Partial<ClientSettings>;
  /** How long a silent Redis is waited for by the producer. */
  readonly answerTimeoutMs?: number;
}

/** Sets up one client; all of it is gone when the test is over. */
export async function outageScene(options: SceneOptions = {}): Promise<OutageScene> {
  const server = await startOwnRedis({ 'maxmemory-policy': 'noeviction', ...options.redis });
  const script = options.script === undefined ? {} : { script: options.script };
  const company = await testSandbox().company('acme', script);
  const directory = testDirectory();
  const file = join(directory, 'waybill.yaml');
  const config = {
    redis: { url: server.socketPath },
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
  const submit = async (count: number): Promise<string[]> => {
    const results = await producer.submitMany('acme', TYPE, nextEvents(count));
    return results.flatMap((result) => (result.outcome === 'accepted' ? [result.id] : []));
  };
  const status = async (): Promise<ClientStatus> => {
    const redis = server.connect();
    try {
      return await readClientStatus(redis, 'acme');
    } finally {
      redis.disconnect();
    }
  };

  return {
    server,
    company,
    producer,
    async startService() {
      const service = startWaybill(['start', '--config', file], { directory });
      await service.waitForLine('delivering', { timeoutMs: 20_000 });
      return service;
    },
    submit,
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
    async drained() {
      await until(async () => {
        const { waiting, inFlight, retrying } = await status();
        return waiting + inFlight + retrying === 0;
      });
    },
    delivered: (ids) => company.waitFor((seen) => ids.every((id) => seen.deliveredIds.has(id))),
  };
}

/** The processor time that a process has used so far, all threads together; milliseconds. */
export function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is a name in parentheses, with whatever it holds; user and system time are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** What a process does while something lasts: its share of one processor, and its lines of log. */
export async function idleness(
  service: WaybillProcess,
  during: () => Promise<void>,
): Promise<{ readonly share: number; readonly lines: number; readonly ms: number }> {
  const from = { at: performance.now(), used: processorMs(service.pid), lines: service.lines.length };
  await during();
  const ms = performance.now() - from.at;
  const share = (processorMs(service.pid) - from.used) / ms;
  return { share, lines: service.lines.length - from.lines, ms };
}

/** Each event's requests, in order of arrival. */
export function requestsByEvent(company: Company): Map<string, { attempt: number; status: number }[]> {
  const events = new Map<string, { attempt: number; status: number }[]>();
  for (const { eventId = '', headers, answered } of company.requests) {
    const requests = events.get(eventId) ?? [];
    requests.push({ attempt: Number(headers['x-waybill-attempt']), status: answered?.status ?? 0 });
    events.set(eventId, requests);
  }
  return events;
}
