import { expect, test } from 'vitest';
import { opened } from '../http/http-fixture.ts';
import { respond, startScriptedServer } from '../http/scripted-server.ts';
import { testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';

test('the names of the headers that Waybill gives are in title case', async () => {
  const server = await startScriptedServer((received) => respond(received, 200));
  opened.push(server);
  const engine = await testEngine({
    acme: {
      baseUrl: `http://127.0.0.1:${server.port}`,
      endpoints: { disposition_update: '/dispositions' },
      auth: { type: 'bearer', token: 'abc' },
      allowPrivateNetwork: true,
    },
  });
  await engine.client('acme').submit(numberedEvents('disposition_update', 1));
  await engine.client('acme').settled({ delivered: 1 });
  const [head = ''] = server.requests[0]?.text.split('\r\n\r\n') ?? [];
  const names = head
    .split('\r\n')
    .slice(1)
    .map((line) => line.slice(0, line.indexOf(':')));
  const ours = [
    'Content-Type',
    'Accept',
    'User-Agent',
    'Idempotency-Key',
    'X-Waybill-Attempt',
    'Authorization',
  ];
  expect(names).toEqual(['host', 'connection', ...ours, 'content-length']);
});

test("a client's headers stand between Waybill's own, an endpoint's own in place of those of the same name", async () => {
  const server = await startScriptedServer((received) => respond(received, 200));
  opened.push(server);
  const headers = { 'content-type': 'application/json; charset=utf-8', 'X-Tenant': 'returns' };
  const own = { path: '/receipts', headers: { 'x-tenant': 'receipts', 'X-More': '1' } };
  const engine = await testEngine({
    acme: {
      baseUrl: `http://127.0.0.1:${server.port}`,
      endpoints: { disposition_update: '/dispositions', inventory_receipt: own },
      headers,
      allowPrivateNetwork: true,
    },
  });
  await engine.client('acme').submit(numberedEvents('disposition_update', 1));
  await engine.client('acme').settled({ delivered: 1 });
  await engine.client('acme').submit(numberedEvents('inventory_receipt', 1), 'inventory_receipt');
  await engine.client('acme').settled({ delivered: 2 });
  const ofAll = ['Content-Type: application/json; charset=utf-8', 'Accept: application/json', 'User-Agent'];
  const heads = server.requests.map(({ text }) => text.split('\r\n').slice(3, 8));
  const told = heads.map((lines) =>
    lines.map((line) => line.replace(/^(User-Agent|Idempotency-Key): .*/, '$1')),
  );
  expect(told).toEqual([
    [...ofAll, 'X-Tenant: returns', 'Idempotency-Key'],
    [...ofAll, 'x-tenant: receipts', 'X-More: 1'],
  ]);
});
