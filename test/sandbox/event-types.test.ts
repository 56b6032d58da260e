import { expect, onTestFinished, test } from 'vitest';
import { parseScript } from '../../src/cli/sandbox/read-script.ts';
import type { EventType } from '../../src/core/event-type.ts';
import { EVENT_TYPES } from '../../src/core/event-types.ts';
import { generatePayload } from '../../src/core/generate-payload.ts';
import { seededRandom } from '../../src/core/random.ts';
import { startScriptedClient } from '../../src/sandbox/scripted-client.ts';
import { failOnLeaks } from '../support/leaks.ts';

failOnLeaks();

const KEYS = ['0190a000-0000-7000-8000-000000000001', '0190a000-0000-7000-8000-000000000002'];

test.each(EVENT_TYPES.map((type: EventType) => [type.name, type] as const))(
  'the sandbox takes %s at its usual path, knows its units, and refuses what is off',
  async (name, type) => {
    const [first, second] = [1, 2].map((n) => type.schema.parse(generatePayload(type, n, seededRandom(n))));
    const script = `endpoints: { ${name}: { answers: [{ unit: "${type.unitOf(second)}", status: 418 }] } }`;
    const client = await startScriptedClient(parseScript(script, 'script.yaml'), {
      address: { host: '127.0.0.1', port: 0 },
      random: seededRandom(1),
      wallClock: () => 0,
      onRequest: () => {},
    });
    onTestFinished(() => client.close());
    const send = async (payload: unknown, key = KEYS[0]) => {
      const response = await fetch(`${client.baseUrl}${type.path}`, {
        method: 'POST',
        headers: {
          ...{ 'content-type': 'application/json', accept: 'application/json', connection: 'close' },
          ...{ 'user-agent': 'waybill/1', 'idempotency-key': String(key), 'x-waybill-attempt': '1' },
        },
        body: JSON.stringify(payload),
      });
      return { status: response.status, body: (await response.json()) as object };
    };
    const fresh = type.alreadyReceivedStatus === undefined ? 200 : 201;
    expect(await send(first)).toMatchObject({ status: fresh });
    expect(await send(first)).toMatchObject({ status: type.alreadyReceivedStatus ?? 200 });
    expect(await send(second, KEYS[1])).toMatchObject({ status: 418 });
    const refused = await send({});
    const missing = { field: expect.any(String), code: 'missing_field' };
    expect(refused).toMatchObject({ status: 422, body: { errors: expect.arrayContaining([missing]) } });
    expect(Object.keys(client.clientSettings.endpoints)).toContain(name);
  },
);

test('a path that two types have is refused', () => {
  const script =
    'endpoints: { drop_shipment_cancellation: { path: /orders }, outbound_asn: { path: /orders } }';
  expect(() => parseScript(script, 'script.yaml')).toThrow(/outbound_asn\.path is the path of drop_ship/);
  const taken = 'endpoints: { outbound_asn: { path: /dispositions } }';
  expect(() => parseScript(taken, 'script.yaml')).toThrow(
    /outbound_asn\.path is the path of disposition_update/,
  );
});
