import { expect, test } from 'vitest';
import { numberedEvent, numberedEvents } from '../support/events.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { testRedis, testRedisPath, uniqueClientName } from '../support/redis.ts';
import { openRedisGate } from '../support/redis-gate.ts';
import { runWaybill, startWaybill } from '../support/waybill-process.ts';

const TYPE = 'inventory_receipt';

/** A client of its own, and `waybill send --idempotency-key` for it with this text on stdin. */
function sender() {
  const client = uniqueClientName();
  const endpoints = { inventory_receipt: '/inventory_receipt' };
  const clients = { [client]: { baseUrl: 'https://returns.acme.example', endpoints } };
  const config = { redis: { url: testRedisPath() }, clients };
  const redis = testRedis();
  return {
    send: (template: string, input: string, ...flags: string[]) =>
      runWaybill(['send', client, TYPE, '--idempotency-key', template, ...flags], { config, input }),
    queued: async () => Number(await redis.hget(`{wb:${client}}:stats`, `accepted:${TYPE}`)),
  };
}

function ndjson(payloads: readonly unknown[]): string {
  return payloads.map((payload) => `${JSON.stringify(payload)}\n`).join('');
}

test('a file that is sent again with what was missing doubles nothing; it is counted apart', async () => {
  const { send, queued } = sender();
  // More than is submitted in one go; the number in the input counts lines that are no event, too.
  const text = `${ndjson(numberedEvents(TYPE, 1_200))}nonsense\n${ndjson(numberedEvents(TYPE, 300, 1_200))}`;
  const first = await send('returns-0301:{n}', text.slice(0, text.indexOf('nonsense') + 9));
  expect(first.code).toBe(3);
  expect(first.stdout).toContain('1,200 accepted, 1 refused\n');
  const second = await send('returns-0301:{n}', text, '--json');
  expect(second.code).toBe(3);
  expect(JSON.parse(second.stdout)).toEqual({
    accepted: 300,
    repeated: 1_200,
    refused: [{ line: 1_201, code: 'INVALID_EVENT', problems: expect.anything() }],
    unknown: 0,
    ids: expect.anything(),
  });
  expect(await queued()).toBe(1_500);
});

test('an array in one line has a key for each event; a key for another event is refused, and a lack of one', async () => {
  const { send, queued } = sender();
  const numbered = [0, 1, 2].map((n) => numberedEvent(TYPE, n, { serial_number: `S${n}` }));
  const first = await send('{n}:{$.serial_number}', JSON.stringify(numbered));
  expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/^3 accepted, 0 refused\n/) });
  const changed = [
    { ...numbered[0], sku: 'other' },
    numbered[1],
    { ...numbered[2], serial_number: undefined },
  ];
  const second = await send('{n}:{$.serial_number}', JSON.stringify(changed));
  expect(second.code).toBe(3);
  expect(second.stdout).toContain('0 accepted, 2 refused, 1 repeated\n');
  expect(second.stdout).toMatch(
    /: the idempotency key "1:S0" stands for event [-0-9a-f]{36}, which has another/,
  );
  expect(second.stdout).toContain('key: $.serial_number, which it is made of, is missing\n');
  expect(await queued()).toBe(3);
});

test('where an answer of Redis is lost, sending again is advised', async () => {
  const server = await startOwnRedis();
  const gate = await openRedisGate(server.socketPath);
  const endpoints = { inventory_receipt: '/inventory_receipt' };
  const clients = { acme: { baseUrl: 'https://returns.acme.example', endpoints } };
  const config = { redis: { url: gate.socketPath }, clients };
  const stands = gate.standAt(1, 'after');
  const sending = startWaybill(['send', 'acme', TYPE, '--idempotency-key', '{n}'], { config });
  sending.write(ndjson(numberedEvents(TYPE, 3)));
  await stands;
  await server.kill();
  expect((await sending.exit).code).toBe(3);
  expect(sending.stdout).toBe(
    '0 accepted, 0 refused, 3 unknown\n' +
      '  lines 1 to 3: unknown whether Redis has them; send them again under the same keys, which doubles none\n',
  );
  expect(sending.stderr).toContain(
    'nothing after line 3 was sent; the same command again sends the rest, and nothing twice\n',
  );
});
