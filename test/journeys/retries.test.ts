import { expect, test } from 'vitest';
import { parseFieldErrors } from '../../src/core/validation-failure.ts';
import type { ReceivedRequest } from '../../src/sandbox/request-log.ts';
import { validationFailure422 } from '../../src/sandbox/scripts.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { failTimes, sequence } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';

failOnLeaks();

/** Milliseconds from each answer to the request that follows it. */
function gapsBetween(requests: readonly ReceivedRequest[]): number[] {
  return requests.slice(1).map((request, i) => request.at - (requests[i]?.finishedAt ?? Number.NaN));
}

/** Due times are whole milliseconds of another clock than the one that the gaps are measured with. */
const CLOCKS_DIFFER_MS = 2;
/** What a busy machine may add. */
const LATE_MS = 5_000;

test('500 for ever: six attempts of the same bytes, delayed as configured, then a dead letter', async () => {
  const answer = { status: 500, body: `{"message": "${'ä'.repeat(4_000)}"}` };
  const company = await testSandbox().company('acme', { script: answer });
  const retry = { retries: 5, baseDelayMs: 30, factor: 2, maxDelayMs: 200, jitter: 0 };
  const engine = await testEngine({ acme: company.clientSettings({ retry }) });
  const client = engine.client();
  const [id] = await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ dead: 1 });

  const { requests } = company;
  expect(requests.map((request) => request.headers['x-waybill-attempt'])).toEqual([...'123456']);
  expect(new Set(requests.map((request) => request.eventId))).toEqual(new Set([id]));
  expect(new Set(requests.map((request) => request.body)).size).toBe(1);
  const gaps = gapsBetween(requests);
  for (const [i, delay] of [30, 60, 120, 200, 200].entries()) {
    expect(gaps[i]).toBeGreaterThanOrEqual(delay - CLOCKS_DIFFER_MS);
    expect(gaps[i]).toBeLessThan(delay + LATE_MS);
  }
  const [letter] = await client.deadLetters();
  expect(letter).toMatchObject({ id, body: requests[0]?.body });
  expect(letter?.history?.map((entry) => [entry[1], entry[2]])).toEqual(
    Array.from({ length: 6 }, () => [500, 'server_error']),
  );
  expect(answer.body.startsWith(letter?.response ?? 'nothing')).toBe(true);
  expect(Buffer.byteLength(letter?.response ?? '')).toBeGreaterThan(1_980);
  expect(Buffer.byteLength(letter?.response ?? '')).toBeLessThanOrEqual(2_048);
  expect(engine.log.matching('dead letter')).toMatchObject([{ event: id, attempts: 6, status: 500 }]);
  expect(await client.status()).toMatchObject({
    dead: 1,
    delivered: 0,
    retrying: 0,
    failedAttempts: { server_error: 6 },
    lastError: { event: id, attempt: 6, status: 500, class: 'server_error' },
  });
});

test('fails twice, then 200: delivered with the third attempt', async () => {
  const company = await testSandbox().company('acme', { script: failTimes(2, 503) });
  const client = (await testEngine({ acme: company.clientSettings({ retry: QUICK_RETRIES }) })).client();
  const [id] = await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ delivered: 1 });
  expect(client.attempts(id)).toMatchObject([
    { level: 'info', attempt: 1, outcome: 'retry', status: 503, class: 'server_error', nextInMs: 20 },
    { level: 'info', attempt: 2, outcome: 'retry', status: 503 },
    { level: 'info', attempt: 3, outcome: 'delivered', status: 200 },
  ]);
  expect(new Set(company.requests.map(({ body, eventId }) => `${eventId} ${body}`)).size).toBe(1);
  expect(await client.status()).toMatchObject({ delivered: 1, dead: 0, failedAttempts: { server_error: 2 } });
});

test('every status that is no success is tried again alike', async () => {
  const statuses = [400, 403, 404, 409, 410, 413, 418, 429, 500, 501, 502, 503, 504, 599];
  const company = await testSandbox().company('acme', { script: sequence(statuses) });
  const retry = { ...QUICK_RETRIES, baseDelayMs: 1, maxDelayMs: 1, retries: statuses.length };
  const client = (await testEngine({ acme: company.clientSettings({ retry }) })).client();
  const [id] = await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ delivered: 1 });
  expect(client.attempts(id).map((line) => line.status)).toEqual([...statuses, 200]);
});

test('422 in the contract’s form: the dead letter names the fields', async () => {
  const errors = [
    { field: '$.location_identifier', code: 'missing_field' },
    { field: '$.upc', code: 'invalid_type' },
  ] as const;
  const company = await testSandbox().company('acme', { script: validationFailure422(errors) });
  const client = (await testEngine({ acme: company.clientSettings({ retry: QUICK_RETRIES }) })).client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ dead: 1 });
  expect(company.tally.received).toBe(6);
  const [letter] = await client.deadLetters();
  expect(letter?.history?.at(-1)).toMatchObject({ 1: 422, 2: 'client_error' });
  expect(parseFieldErrors(letter?.response)).toEqual(errors);
});

test.each([301, 302, 303, 307, 308])('%i is a failure, and is not followed', async (status) => {
  const sandbox = testSandbox();
  const elsewhere = await sandbox.company('elsewhere');
  const company = await sandbox.company('acme', {
    script: { status, headers: { Location: `${elsewhere.baseUrl}/dispositions` } },
  });
  const retry = { ...QUICK_RETRIES, retries: 1 };
  const client = (await testEngine({ acme: company.clientSettings({ retry }) })).client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ dead: 1 });
  expect((await client.deadLetters())[0]?.history).toMatchObject([
    { 1: status, 2: 'redirect' },
    { 1: status, 2: 'redirect' },
  ]);
  expect(company.tally.received).toBe(2);
  expect(elsewhere.tally.received).toBe(0);
});

test.each([429, 503])('Retry-After on %i lengthens a delay', async (status) => {
  const busy = { status, headers: { 'Retry-After': '1' } };
  const company = await testSandbox().company('acme', { script: failTimes(1, busy) });
  const retry = { ...QUICK_RETRIES, maxDelayMs: 5_000 };
  const client = (await testEngine({ acme: company.clientSettings({ retry }) })).client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ delivered: 1 });
  const [gap] = gapsBetween(company.requests);
  expect(gap).toBeGreaterThanOrEqual(1_000 - CLOCKS_DIFFER_MS);
  expect(gap).toBeLessThan(1_000 + LATE_MS);
});

test('Retry-After neither goes beyond the longest delay nor shortens one', async () => {
  const answers = ['3600', 'Fri, 31 Dec 9999 23:59:59 GMT', '0'].map((value) => ({
    status: 429,
    headers: { 'Retry-After': value },
  }));
  const company = await testSandbox().company('acme', { script: sequence(answers) });
  const retry = { retries: 5, baseDelayMs: 100, factor: 1, maxDelayMs: 150, jitter: 0 };
  const client = (await testEngine({ acme: company.clientSettings({ retry }) })).client();
  const [id] = await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ delivered: 1 });
  expect(client.attempts(id).map((line) => line.nextInMs)).toEqual([150, 150, 100, undefined]);
  for (const [i, gap] of gapsBetween(company.requests).entries()) {
    expect(gap).toBeGreaterThanOrEqual((i < 2 ? 150 : 100) - CLOCKS_DIFFER_MS);
    expect(gap).toBeLessThan(150 + LATE_MS);
  }
});

test('Retry-After on another status is not heeded', async () => {
  const failed = { status: 500, headers: { 'Retry-After': '60' } };
  const company = await testSandbox().company('acme', { script: failTimes(1, failed) });
  const retry = { ...QUICK_RETRIES, maxDelayMs: 60_000 };
  const client = (await testEngine({ acme: company.clientSettings({ retry }) })).client();
  const [id] = await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ delivered: 1 });
  expect(client.attempts(id)[0]).toMatchObject({ nextInMs: 20 });
});
