import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { Agent, request } from 'undici';
import { onTestFinished } from 'vitest';
import { generateKey } from '../../src/api/keys.ts';
import type { Config } from '../../src/config/config-schema.ts';
import { parseConfig } from '../../src/config/load-config.ts';
import { createLog } from '../../src/log.ts';
import { type ApiOptions, type RunningApi, startApi } from '../../src/service/api-server.ts';
import { captureLogLines, type LogLines } from '../support/log-lines.ts';
import { testRedis, testRedisPath, uniqueClientName } from '../support/redis.ts';
import { testDirectory } from '../support/waybill-process.ts';

/** What a request may have. */
export interface ApiCall {
  readonly body?: string | Buffer | AsyncIterable<Uint8Array>;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** Instead of the key that may do everything; null: none. */
  readonly key?: string | null;
}

/** What a request may ask for. */
export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS' | 'HEAD';

/** What was answered; JSON is parsed. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  // biome-ignore lint/suspicious/noExplicitAny: what tests expect is what they look for.
  readonly body: any;
}

/** A listening API and what is behind it. */
export interface ApiFixture {
  readonly api: RunningApi;
  readonly name: string;
  readonly keys: Readonly<Record<'all' | 'submit' | 'read' | 'operate', string>>;
  readonly log: LogLines;
  readonly redis: Redis;
  configWith(changes: object): Config;
  call(method: HttpMethod, path: string, options?: ApiCall): Promise<ApiAnswer>;
}

/** What a test may want otherwise. */
export interface ApiFixtureOptions {
  readonly http?: object;
  /** Further sections of the configuration, and settings of its client. */
  readonly others?: object;
  readonly client?: object;
  readonly socketPath?: string;
  readonly api?: ApiOptions;
}

/** The settings of a client whose endpoint nobody asks in these tests. */
export const UNSENT = { baseUrl: 'http://127.0.0.1:9', endpoints: { disposition_update: '/d' } };

/** Starts the API for one client on the Redis of this run; no worker delivers anything. */
export async function startTestApi(options: ApiFixtureOptions = {}): Promise<ApiFixture> {
  const name = uniqueClientName();
  const made = { all: generateKey(), submit: generateKey(), read: generateKey(), operate: generateKey() };
  const keys = [
    { name: 'all', sha256: made.all.sha256, scopes: ['submit', 'operate'] },
    { name: 'submit', sha256: made.submit.sha256, scopes: ['submit'] },
    { name: 'read', sha256: made.read.sha256, scopes: ['read'] },
    { name: 'operate', sha256: made.operate.sha256.toUpperCase(), scopes: ['operate'] },
  ];
  const socketPath = options.socketPath ?? testRedisPath();
  const directory = testDirectory();
  const configWith = (changes: object): Config => {
    const http = { port: 0, keys, ...options.http };
    const text = JSON.stringify({
      http,
      redis: { url: socketPath },
      clients: { [name]: { ...UNSENT, ...options.client } },
      ...options.others,
      ...changes,
    });
    writeFileSync(join(directory, 'waybill.yaml'), text);
    return parseConfig(text, join(directory, 'waybill.yaml'), {});
  };
  const log = captureLogLines();
  const logger = createLog({ level: 'debug', destination: log.stream });
  const api = await startApi(configWith({}), { socketPath }, logger, options.api);
  if (api === undefined) throw new Error('the configuration has no http');
  onTestFinished(() => api.close(0));
  const agent = new Agent();
  onTestFinished(() => agent.destroy());
  return {
    api,
    name,
    keys: { all: made.all.key, submit: made.submit.key, read: made.read.key, operate: made.operate.key },
    log,
    redis: testRedis(),
    configWith,
    call: (method, path, call = {}) =>
      send(agent, method, api.address + path, { key: made.all.key, ...call }),
  };
}

async function send(agent: Agent, method: HttpMethod, url: string, call: ApiCall): Promise<ApiAnswer> {
  const { json, key, headers = {} } = call;
  const answer = await request(url, {
    method,
    dispatcher: agent,
    headers: {
      ...(typeof key === 'string' ? { authorization: `Bearer ${key}` } : {}),
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    body: (json === undefined ? call.body : JSON.stringify(json)) as string,
  });
  const isStream = answer.headers['content-type'] === 'text/event-stream';
  const text = isStream ? await firstOf(answer.body) : await answer.body.text();
  return {
    status: answer.statusCode,
    headers: answer.headers,
    body: String(answer.headers['content-type']).includes('json') ? JSON.parse(text) : text,
  };
}

/** What comes first of a stream, which is given up then. */
async function firstOf(body: AsyncIterable<Buffer>): Promise<string> {
  for await (const chunk of body) return String(chunk);
  return '';
}

/** An NDJSON body of one event which does not end before it is told to. */
export function openBody(event: object): { readonly body: AsyncGenerator<Buffer>; end(): void } {
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  async function* lines(): AsyncGenerator<Buffer> {
    yield Buffer.from(`${JSON.stringify(event)}\n`);
    await ended;
  }
  return { body: lines(), end: () => end() };
}
