import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { numberedEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { startTestApi } from './api-fixture.ts';

failOnLeaks();

/** What comes back for a text that is written as it stands, until the connection ends. */
async function ask(address: string, text: string, { halfClose = false } = {}): Promise<string> {
  const socket = connect({ port: Number(new URL(address).port), host: '127.0.0.1', allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString())).on('error', () => {});
  if (halfClose) socket.end(text);
  else socket.write(text);
  await once(socket, 'end');
  socket.destroy();
  return answer;
}

/** A request with a JSON body, of which `body` is what is sent. */
function post(path: string, key: string, body: string, length = Buffer.byteLength(body)): string {
  const head = [`POST ${path} HTTP/1.1`, 'host: x', `authorization: Bearer ${key}`];
  return `${[...head, 'content-type: application/json', `content-length: ${length}`].join('\r\n')}\r\n\r\n${body}`;
}

test('a client that closes its side after the request is told what became of its event', async () => {
  const { api, name, keys } = await startTestApi();
  const event = JSON.stringify(numberedEvent('disposition_update', 0));
  const request = post(`/v1/clients/${name}/events/disposition_update`, keys.all, event);
  expect(await ask(api.address, request, { halfClose: true })).toMatch(
    /^HTTP\/1.1 202 [\s\S]*"accepted":\[\{/,
  );
});

test('a request to operate whose body does not come is told so before it is cut off', async () => {
  const { api, keys } = await startTestApi({ http: { requestTimeoutMs: 100 } });
  const answer = await ask(api.address, post('/v1/dead-letters/replay', keys.all, '{', 1_000));
  expect(answer).toMatch(/^HTTP\/1.1 408 [\s\S]*"REQUEST_TIMEOUT"/);
});

test.each([
  ['not percent-encoded', '/v1/clients/%zz', 400, 'REQUEST_INVALID'],
  ['no UTF-8', '/v1/clients/%ff', 400, 'REQUEST_INVALID'],
  ['too long a name', `/v1/clients/${'a'.repeat(200)}`, 404, 'NOT_FOUND'],
])('a path that is wrong is no fault of the service, and fills no log: %s', async (_, path, status, code) => {
  const { call, log } = await startTestApi();
  expect(await call('GET', path, { key: null })).toMatchObject({ status, body: { code } });
  expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
});
