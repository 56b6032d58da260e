import { expect, test } from 'vitest';
import { type EventType, unitIn } from '../../src/core/event-type.ts';
import { EVENT_TYPES, type EventTypeName } from '../../src/core/event-types.ts';
import { unitOf } from '../../src/sandbox/scripts.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedisPath } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { runWaybill } from '../support/waybill-process.ts';

failOnLeaks();

const COUNT = 4;

test.each(EVENT_TYPES.map((type: EventType) => [type.name as EventTypeName, type] as const))(
  '%s: sent by a key of its unit, delivered, given up on, found, reported, replayed',
  async (name, type) => {
    const company = await testSandbox().company('acme');
    const settings = company.clientSettings({ retry: QUICK_RETRIES });
    const client = (await testEngine({ acme: settings })).client();
    const config = { redis: { url: testRedisPath() }, clients: { [client.name]: settings } };
    const run = (args: string[], input = '') => runWaybill([...args, '--json'], { config, input });
    const payloads = numberedEvents(name, COUNT);
    const units = payloads.map((payload) => String(unitIn(type, payload)));
    const [bad = ''] = units;
    company.script((request) => (unitOf(request, [type]) === bad ? 422 : {}));

    const args = ['send', client.name, name, '--idempotency-key', `{$.${type.unitField}}`];
    const sent = await run(args, JSON.stringify(payloads));
    expect(JSON.parse(sent.stdout)).toMatchObject({ accepted: COUNT });
    await client.settled({ delivered: COUNT - 1, dead: 1 });
    // The key is the unit: sending again doubles nothing.
    await run(args, JSON.stringify(payloads));
    expect((await client.status()).accepted).toBe(COUNT);

    const bodies = payloads.map((payload) => JSON.stringify(type.schema.parse(payload)));
    const expected = bodies.flatMap((body, n) => (n === 0 ? Array(6).fill(body) : [body]));
    expect(company.requests.map(({ body }) => body).sort()).toEqual(expected.sort());
    expect(new Set(company.requests.map(({ path }) => path))).toEqual(new Set([type.path]));

    const filters = ['--client', client.name, '--type', name, '--unit', bad];
    const [listed, reported] = await Promise.all([
      run(['dead-letters', 'list', ...filters]),
      run(['report', client.name, name]),
    ]);
    expect(JSON.parse(listed.stdout)).toMatchObject([{ type: name, unit: bad, status: 422, attempts: 6 }]);
    expect(JSON.parse(reported.stdout)).toMatchObject({ endpoints: [{ type: name, events: 1 }] });
    expect(reported.stdout).toContain(JSON.stringify(bad));

    company.script({});
    await run(['dead-letters', 'replay', ...filters, '--yes']);
    await client.settled({ delivered: COUNT });
    const { deliveredByType, dead } = await client.status();
    const status = type.alreadyReceivedStatus === undefined ? 200 : 201;
    expect({ deliveredByType, dead }).toEqual({ deliveredByType: { [name]: { [status]: COUNT } }, dead: 0 });
  },
);
