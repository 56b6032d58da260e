import { expect, test } from 'vitest';
import type { AnswerLike } from '../../src/sandbox/answer.ts';
import { BEHAVIOURS } from '../../src/sandbox/answer.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testSandbox } from '../support/sandbox.ts';
import { testCertificates } from '../support/tls.ts';
import { post, testAgent } from './post.ts';
import { rawPost } from './raw-client.ts';

failOnLeaks();

async function rawAnswer(answer: AnswerLike) {
  const acme = await testSandbox().company('acme', { script: answer });
  return { acme, client: rawPost(acme) };
}

test('hang reads the request and stays silent until the sender gives up', async () => {
  const { acme, client } = await rawAnswer('hang');
  await acme.waitFor(1);
  expect(acme.requests[0]).toMatchObject({ body: '{}', answered: { status: 0, behaviour: 'hang' } });
  expect(acme.requests[0]?.finishedAt).toBeUndefined();
  expect(acme.tally.inFlight).toBe(1);
  client.socket.destroy();
  await acme.waitFor(() => acme.requests[0]?.finishedAt !== undefined);
  expect(client.text()).toBe('');
  expect(acme.tally.inFlight).toBe(0);
});

test('reset breaks the connection before any byte', async () => {
  const { client } = await rawAnswer('reset');
  expect(await client.ending).toBe('ECONNRESET');
  expect(client.text()).toBe('');
});

test('close ends the connection in order before any byte', async () => {
  const { client } = await rawAnswer('close');
  expect(await client.ending).toBe('end');
  expect(client.text()).toBe('');
});

test('garbage is not HTTP', async () => {
  const { acme, client } = await rawAnswer('garbage');
  expect(await client.ending).toBe('end');
  expect(client.text()).toMatch(/^220 mail/);
  await expect(post(acme)).rejects.toMatchObject({ code: /^HPE_/ });
});

test('slow_headers goes on sending headers that do not end', async () => {
  const { client } = await rawAnswer('slow_headers');
  await client.until((text) => (text.match(/X-Slow/g)?.length ?? 0) >= 3);
  expect(client.text()).toMatch(/^HTTP\/1\.1 200 OK\r\n(X-Slow: 1\r\n)+$/);
});

test('huge_headers are more than a client takes', async () => {
  const { acme, client } = await rawAnswer('huge_headers');
  await client.until((text) => text.endsWith('\r\n\r\n'));
  expect(client.text().length).toBeGreaterThan(64 * 1024);
  await expect(post(acme)).rejects.toMatchObject({ code: 'UND_ERR_HEADERS_OVERFLOW' });
});

test('reset_after_headers shows a status and the start of a body, then resets', async () => {
  const { acme, client } = await rawAnswer({ behaviour: 'reset_after_headers', status: 201 });
  expect(await client.ending).toBe('ECONNRESET');
  expect(client.text()).toMatch(/^HTTP\/1\.1 201 Created\r\n[\s\S]*\r\n\r\n{"message":$/);
  expect(acme.requests[0]?.answered).toEqual({ status: 201, behaviour: 'reset_after_headers' });
});

test('close_after_headers shows a status and the start of a body, then ends', async () => {
  const { client } = await rawAnswer('close_after_headers');
  expect(await client.ending).toBe('end');
  expect(client.text()).toMatch(
    /^HTTP\/1\.1 200 OK\r\n[\s\S]*Content-Length: 1000\r\n[\s\S]*\r\n\r\n{"message":$/,
  );
});

test('endless_body pours for as long as it is read', async () => {
  const { client } = await rawAnswer({ behaviour: 'endless_body', status: 503 });
  await client.until((text) => text.length > 1_000_000);
  expect(client.text()).toMatch(/^HTTP\/1\.1 503 /);
});

test('slow_body trickles', async () => {
  const { client } = await rawAnswer('slow_body');
  await client.until((text) => text.endsWith('1\r\n \r\n1\r\n \r\n1\r\n \r\n'));
  expect(client.text()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
});

test.each(BEHAVIOURS)('%s happens over TLS too, and ends with the sandbox', async (behaviour) => {
  const { ca, valid } = await testCertificates();
  const sandbox = testSandbox({ tls: valid });
  const acme = await sandbox.company('acme', { script: behaviour });
  const delivery = post(acme, { agent: testAgent({ connect: { ca } }) });
  const ended = expect(delivery).rejects.toThrow();
  await acme.waitFor(() => acme.tally.byAnswer.get(behaviour) === 1);
  // What breaks off by itself has to do so before anything else closes the connection.
  if (/reset|close|garbage|huge/.test(behaviour)) await ended;
  await sandbox.close();
  await ended;
  expect(acme.connections.open).toBe(0);
  expect(acme.tally.inFlight).toBe(0);
});

test('over TLS, a reset is a reset of the TCP connection, and a close is none', async () => {
  const { ca, valid } = await testCertificates();
  const acme = await testSandbox({ tls: valid }).company('acme', { script: 'reset' });
  const agent = testAgent({ connect: { ca } });
  await expect(post(acme, { agent })).rejects.toMatchObject({ code: 'ECONNRESET' });
  acme.script('close');
  await expect(post(acme, { agent })).rejects.toMatchObject({ code: 'UND_ERR_SOCKET' });
});

test('a delay comes before a plain answer and before a bad one', async () => {
  const acme = await testSandbox().company('acme', { script: { status: 500, delayMs: 30 } });
  await post(acme);
  acme.script({ behaviour: 'close', delayMs: 30 });
  await expect(post(acme)).rejects.toThrow();
  await acme.waitFor(() => acme.tally.inFlight === 0);
  const took = acme.requests.map(({ at, finishedAt }) => (finishedAt ?? 0) - at);
  // A timer may fire up to a millisecond early.
  expect(Math.min(...took)).toBeGreaterThanOrEqual(29);
});
