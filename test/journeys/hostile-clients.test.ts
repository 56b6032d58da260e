import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import type { FailureClass } from '../../src/core/attempt-result.ts';
import type { ClientSettings } from '../../src/sandbox/company.ts';
import { flood, startRawServer } from '../http/raw-server.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { countProcessTime } from '../support/process-time.ts';
import { uniqueClientName } from '../support/redis.ts';
import { failTimes, sequence } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const TWICE = { ...QUICK_RETRIES, retries: 1 };
/** For those whose deadline has to pass; that of all others is later than the test has time for. */
const TIMEOUT_MS = 500;
const PATIENT_MS = 600_000;
/** The sweep for deadlines, and what else the process does meanwhile. */
const ALLOWANCE_MS = 5_000;

const BOMB = gzipSync(Buffer.alloc(16 * 1_048_576));
const PACKED = `content-encoding: gzip\r\ncontent-length: ${BOMB.length}\r\n\r\n`;
const CHUNK = `4000\r\n${'x'.repeat(0x4000)}\r\n`;

type Hostility = (socket: Socket) => void;

const floodBody =
  (status: number): Hostility =>
  (socket) => {
    socket.write(`HTTP/1.1 ${status} Text\r\ntransfer-encoding: chunked\r\n\r\n`);
    flood(socket, CHUNK);
  };

const packed =
  (status: number): Hostility =>
  (socket) =>
    socket.write(Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Text\r\n${PACKED}`), BOMB]));

const drip =
  (start: string): Hostility =>
  (socket) => {
    socket.write(start);
    const timer = setInterval(() => socket.write('x'), 20);
    socket.once('close', () => clearInterval(timer));
  };

const flooding =
  (bytes: string): Hostility =>
  (socket) =>
    flood(socket, bytes);

const FAILING: Readonly<Record<string, readonly [FailureClass, Hostility]>> = {
  silent: ['timeout', () => {}],
  'slow-headers': ['timeout', drip('HTTP/1.1 200 OK\r\nx-slow: ')],
  'slow-status': ['timeout', drip('HTTP/1.1 200 ')],
  'huge-headers': [
    'not_http',
    (socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(10_000_000)}\r\n`),
  ],
  'endless-headers': ['not_http', flooding('HTTP/1.1 200 OK\r\nx: y\r\nx: y\r\n')],
  'endless-1xx': ['not_http', flooding('HTTP/1.1 102 Processing\r\n\r\n'.repeat(500))],
  garbage: ['not_http', flooding('\0\x01\x02\xff'.repeat(1_000))],
  'negative-length': ['not_http', (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n')],
  'body-after-500': ['server_error', floodBody(500)],
  'bomb-after-500': ['server_error', packed(500)],
  'slow-body-after-500': ['server_error', drip('HTTP/1.1 500 Text\r\n\r\n')],
  resetting: ['reset', (socket) => socket.resetAndDestroy()],
  redirecting: ['redirect', floodBody(302)],
  'silent-tls': ['timeout', () => {}],
  'http-for-tls': ['tls', (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
};

const DELIVERING: Readonly<Record<string, Hostility>> = {
  'body-after-200': floodBody(200),
  'bomb-after-200': packed(200),
  'slow-body-after-200': drip('HTTP/1.1 200 OK\r\n\r\n'),
  'short-length': (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nhello'),
  'long-length': (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello'),
};

/** A client whose server does this to each request; `requests` counts them. */
async function hostileClient(behave: Hostility, extra: Partial<ClientSettings>, scheme: string) {
  const counted = { requests: 0 };
  const server = await startRawServer((socket) => {
    socket.on('data', (bytes) => {
      const first = bytes.toString('latin1', 0, 4);
      // A request, or the start of a TLS handshake.
      if (first !== 'POST' && first[0] !== '\x16') return;
      counted.requests += 1;
      behave(socket);
    });
  });
  onTestFinished(() => server.close());
  const settings: ClientSettings = {
    baseUrl: `${scheme}://127.0.0.1:${server.port}`,
    endpoints: { disposition_update: '/dispositions' },
    auth: { type: 'none' },
    allowPrivateNetwork: true,
    concurrency: 4,
    timeoutMs: PATIENT_MS,
    retry: TWICE,
    ...extra,
  };
  return { settings, counted, server };
}

test('every hostile client side by side: each ends in its class in time, and a healthy one is unhurt', {
  timeout: 180_000,
}, async () => {
  const all: Record<string, Hostility> = { ...DELIVERING };
  for (const [name, [, behave]] of Object.entries(FAILING)) all[name] = behave;
  const made = new Map<string, Awaited<ReturnType<typeof hostileClient>>>();
  for (const [name, behave] of Object.entries(all)) {
    const timeoutMs = FAILING[name]?.[0] === 'timeout' ? TIMEOUT_MS : PATIENT_MS;
    made.set(name, await hostileClient(behave, { timeoutMs }, name.endsWith('-tls') ? 'https' : 'http'));
  }
  const healthy = await testSandbox().company('healthy');
  const engine = await testEngine({
    ...Object.fromEntries([...made].map(([name, { settings }]) => [name, settings])),
    healthy: healthy.clientSettings(),
  });
  const processTime = countProcessTime();
  for (const name of made.keys()) await engine.client(name).submit(numberedEvents(TYPE, 3));
  await engine.client('healthy').submit(numberedEvents(TYPE, 500));
  await engine.client('healthy').settled({ delivered: 500 });
  expect(healthy.tally.received).toBe(500);

  for (const [name, [failureClass]] of Object.entries(FAILING)) {
    const client = engine.client(name);
    await client.settled({ dead: 3 });
    const attempts = client.attempts();
    expect(
      attempts.map((line) => [name, line.class]),
      name,
    ).toEqual(Array(6).fill([name, failureClass]));
    for (const { time, ms } of attempts) {
      const endedAt = Date.parse(String(time));
      // Servers and engine share this process, and nothing but its timers tells how long it had for them.
      const took = processTime.msBetween(endedAt - Number(ms), endedAt);
      expect(took, name).toBeLessThan(TIMEOUT_MS + ALLOWANCE_MS);
    }
  }
  for (const name of Object.keys(DELIVERING)) {
    const client = engine.client(name);
    await client.settled({ delivered: 3 });
    expect(made.get(name)?.counted.requests, name).toBe(3);
    expect(await client.status(), name).toMatchObject({ delivered: 3, dead: 0 });
  }
  await Promise.all([...made.values()].map(({ server }) => server.allClosed()));
});

test('a storm of 401s with endless bodies: one token more, and dead letters', async () => {
  const auth = { type: 'oauth2', clientId: uniqueClientName() } as const;
  const script = { behaviour: 'endless_body', status: 401 } as const;
  const company = await testSandbox().company('acme', { auth, script });
  const client = (await testEngine({ acme: company.clientSettings({ retry: TWICE }) })).client();
  await client.submit(numberedEvents(TYPE, 40));
  await client.settled({ dead: 40 });
  expect(company.tokenTally.received).toBeLessThanOrEqual(2);
  expect(company.tally.received).toBeLessThanOrEqual(160);
  for (const { status } of client.attempts()) expect([0, 401]).toContain(status);
  await company.waitFor(({ tally }) => tally.inFlight === 0);
});

test.each([
  '9'.repeat(400),
  '1e400',
  '-5',
  'Fri, 31 Dec 9999 23:59:59 GMT',
  'Fri, 31 Dec 1999 23:59:59 GMT',
  'tomorrow',
])('Retry-After: %s waits no longer than maxDelayMs', async (value) => {
  const refuse = { status: 503, headers: { 'Retry-After': value } };
  const company = await testSandbox().company('acme', { script: failTimes(1, refuse) });
  const client = (await testEngine({ acme: company.clientSettings({ retry: QUICK_RETRIES }) })).client();
  const [id] = await client.submit(numberedEvents(TYPE, 1));
  await client.settled({ delivered: 1 });
  expect(client.attempts(id)).toMatchObject([{ status: 503, nextInMs: 20 }, { outcome: 'delivered' }]);
});

test('a kept connection that is closed under one request is resent once, within the attempt', async () => {
  const company = await testSandbox().company('acme', { script: sequence([200, 'reset', 'reset']) });
  const settings = company.clientSettings({ retry: QUICK_RETRIES, concurrency: 1 });
  const client = (await testEngine({ acme: settings })).client();
  const ids = await client.submit(numberedEvents(TYPE, 2));
  await client.settled({ delivered: 2 });
  // The first was answered; the second was reset, resent and reset again, and delivered by its second attempt.
  expect(company.requests.map((request) => request.headers['x-waybill-attempt'])).toEqual([
    '1',
    '1',
    '1',
    '2',
  ]);
  expect(client.attempts(ids[1])).toMatchObject([
    { attempt: 1, status: 0, class: 'reset' },
    { attempt: 2, outcome: 'delivered' },
  ]);
});
