import { expect, test } from 'vitest';
import { type Script, validationFailure422 } from '../../src/sandbox/scripts.ts';
import { failOnLeaks } from '../support/leaks.ts';
import {
  always,
  byUnit,
  failTimes,
  hang,
  hold,
  sequence,
  slow,
  unauthorizedUntilNewToken,
} from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { post, postAll, testAgent } from './post.ts';

failOnLeaks();

const keys = (...names: string[]) => names.map((key) => ({ key }));

test('without a script, a company answers as the contract says', async () => {
  const acme = await testSandbox().company('acme');
  expect(await post(acme)).toMatchObject({ status: 200, body: '{"message":"Success"}' });
  const receipt = { key: 'receipt-1', path: '/inventory_receipt' };
  expect(await postAll(acme, [receipt, receipt])).toEqual([201, 200]);
});

test('always gives the same status, with a body that fits or the one that was asked for', async () => {
  const acme = await testSandbox().company('acme', { script: always(502) });
  expect(await post(acme)).toMatchObject({ status: 502, body: '{"message":"Bad Gateway"}' });
  acme.script(always(503, 'down for maintenance'));
  expect(await post(acme)).toMatchObject({ status: 503, body: 'down for maintenance' });
  acme.script(204);
  expect(await post(acme)).toMatchObject({ status: 204, body: '' });
});

test('an answer can carry headers, also in place of the usual ones', async () => {
  const headers = { 'retry-after': '7', 'content-type': 'text/plain' };
  const acme = await testSandbox().company('acme', { script: { status: 429, headers, body: 'slow down' } });
  const answer = await post(acme);
  expect(answer).toMatchObject({ status: 429, headers, body: 'slow down' });
});

test('sequence goes through its replies once, in order of arrival', async () => {
  const acme = await testSandbox().company('acme', { script: sequence([500, failTimes(1, 502), 302], 204) });
  expect(await postAll(acme, keys('a', 'b', 'c', 'd', 'e'))).toEqual([500, 502, 302, 204, 204]);
});

test('failTimes counts by event', async () => {
  const acme = await testSandbox().company('acme', { script: failTimes(2, 500) });
  expect(await postAll(acme, keys('a', 'b', 'a', 'a', 'b', 'b'))).toEqual([500, 500, 500, 200, 500, 200]);
});

test('byUnit chooses by licence plate', async () => {
  const acme = await testSandbox().company('acme', { script: byUnit({ LPAA2: 422, 42: 409 }, 202) });
  const bodies = [
    '{"optiturn_lp":"LPAA2"}',
    '{"unit_identifier":42}',
    '{"optiturn_lp":"LPAA3"}',
    'not json',
    'null',
  ];
  expect(
    await postAll(
      acme,
      bodies.map((body) => ({ body })),
    ),
  ).toEqual([422, 409, 202, 202, 202]);
});

test('unauthorizedUntilNewToken always refuses the first authorization', async () => {
  const acme = await testSandbox().company('acme', { script: unauthorizedUntilNewToken() });
  const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
  expect(await postAll(acme, [as('old'), as('old'), as('new'), as('old'), as('new')])).toEqual([
    401, 401, 200, 401, 200,
  ]);
});

test('validationFailure422 has the form of the contract', async () => {
  const errors = [{ field: '$.upc', code: 'invalid_type' }] as const;
  const acme = await testSandbox().company('acme', { script: validationFailure422(errors) });
  const { status, body } = await post(acme);
  expect(status).toBe(422);
  expect(JSON.parse(body)).toEqual({ message: 'Validation failed', errors });
});

test('a script knows whether the company has accepted an event before', async () => {
  const byHistory: Script = (_request, { accepted }) => (accepted ? 200 : 201);
  const acme = await testSandbox().company('acme', { script: failTimes(1, 500, byHistory) });
  expect(await postAll(acme, keys('a', 'a', 'a', 'b', 'b'))).toEqual([500, 201, 200, 500, 201]);
});

test('slow delays a plain answer, a bad one and that of an asynchronous script', async () => {
  expect(slow(20)(request, history)).toEqual({ delayMs: 20 });
  expect(slow(20, 500)(request, history)).toEqual({ status: 500, delayMs: 20 });
  expect(slow(20, { behaviour: 'reset', delayMs: 5 })(request, history)).toEqual({
    behaviour: 'reset',
    delayMs: 25,
  });
  expect(await slow(20, async () => hang)(request, history)).toEqual({ behaviour: 'hang', delayMs: 20 });
  const acme = await testSandbox().company('acme', { script: slow(20) });
  expect((await post(acme)).status).toBe(200);
});

test('a script can hang some requests and answer others', async () => {
  const acme = await testSandbox().company('acme', {
    script: ({ eventId }) => (eventId === 'stuck' ? hang : 200),
  });
  const agent = testAgent();
  const stuck = expect(post(acme, { key: 'stuck', agent })).rejects.toThrow();
  expect((await post(acme, { key: 'fine' })).status).toBe(200);
  await acme.waitFor(() => acme.tally.byAnswer.get('hang') === 1);
  await agent.destroy();
  await stuck;
});

test('hold keeps requests waiting until they are released, then lets all through', async () => {
  const held = hold(202);
  const acme = await testSandbox().company('acme', { script: held.script });
  const deliveries = Promise.all(keys('a', 'b', 'c').map((delivery) => post(acme, delivery)));
  await acme.waitFor(3);
  expect(acme.tally).toMatchObject({ inFlight: 3, mostInFlight: 3 });
  held.release();
  expect((await deliveries).map(({ status }) => status)).toEqual([202, 202, 202]);
  expect((await post(acme)).status).toBe(202);
});

const request = {
  company: 'acme',
  method: 'POST',
  path: '/dispositions',
  headers: {},
  body: '{}',
  eventId: 'a',
  at: 0,
  connection: 1,
  answered: undefined,
  finishedAt: undefined,
};
const history = { total: 1, ofEvent: 1, accepted: false };
