import { expect, test } from 'vitest';
import type { PayloadOf } from '../../src/core/event-types.ts';
import { unitOf } from '../../src/sandbox/scripts.ts';
import { configFor } from '../support/client-config.ts';
import { testEngine } from '../support/engine.ts';
import { numberedEvents, unitOfEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedisPath } from '../support/redis.ts';
import { openRedisGate, type Side } from '../support/redis-gate.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';
import { startWaybill, type WaybillProcess } from '../support/waybill-process.ts';

failOnLeaks();

const TYPE = 'disposition_update';
type Events = PayloadOf<typeof TYPE>[];

/** So many events go into each write. */
const PART = 10;
const part = (n: number): Events => numberedEvents(TYPE, PART, n * PART);
const WARM_UP = part(100);

/** Each moment at which a `send` can stand still between what it does to Redis, in its first write or a later one. */
const MOMENTS: readonly (readonly [side: Side, write: number])[] = [
  ['before', 1],
  ['after', 1],
  ['before', 2],
  ['after', 2],
];

/** Events, and behind them a line that is refused: of that is told once it is known about all lines before it. */
function lines(events: Events): string {
  return `${events.map((event) => `${JSON.stringify(event)}\n`).join('')}{}\n`;
}

const markOf = (write: number): string => `{"line":${write * (PART + 1)},`;

/** A `send` that stands at one of its writes; it has told of the parts that it wrote before. */
async function sendAt(side: Side, write: number) {
  const company = await testSandbox().company('acme');
  const settings = company.clientSettings();
  const engine = await testEngine({ acme: settings }, { started: false });
  const client = engine.client();
  // From now on the server knows the script, so that each write is one command.
  await client.submit(WARM_UP);
  const gate = await openRedisGate(testRedisPath());
  const send = (socketPath: string): WaybillProcess =>
    startWaybill(['send', client.name, TYPE, '-', '--json', ...configFor(client.name, settings, socketPath)]);
  const first = send(gate.socketPath);
  const told: Events = [];
  for (let n = 1; n < write; n += 1) {
    first.write(lines(part(n)));
    await until(async () => first.stdout.includes(markOf(n)), 30_000);
    told.push(...part(n));
  }
  const stands = gate.standAt(1, side);
  first.write(lines(part(write)));
  await stands;

  return {
    gate,
    first,
    told,
    untold: part(write),
    /** Sends these by another process, with no gate before it. */
    async sendAnew(events: Events): Promise<void> {
      const another = send(testRedisPath());
      another.input(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
      expect(await another.exit).toMatchObject({ code: 0 });
      expect(JSON.parse(another.stdout)).toMatchObject({ refused: [], accepted: events.length, unknown: 0 });
    },
    /** Just these arrive at the company, as often as they stand here. */
    async expectDelivered(...events: readonly Events[]): Promise<void> {
      const expected = [WARM_UP, ...events].flat().map((event) => unitOfEvent(TYPE, event));
      await engine.start();
      await client.settled({ delivered: expected.length });
      expect(company.requests.map((request) => unitOf(request)).sort()).toEqual(expected.sort());
      const { length: accepted } = expected;
      expect(await client.status()).toMatchObject({ accepted, waiting: 0, inFlight: 0, retrying: 0 });
    },
  };
}

test.each(MOMENTS)(
  'a send killed %s its write %i: what it told of is there, and only the rest can double when sent anew',
  async (side, write) => {
    const { first, told, untold, sendAnew, expectDelivered } = await sendAt(side, write);
    first.signal('SIGKILL');
    await first.exit;
    expect(first.stdout).not.toContain(markOf(write));
    await sendAnew(untold);
    await expectDelivered(told, untold, side === 'before' ? [] : untold);
  },
);

test.each(MOMENTS)(
  'a send frozen %s its write %i, and continued after another one sent the rest: nothing is lost or doubled',
  async (side, write) => {
    const { gate, first, told, untold, sendAnew, expectDelivered } = await sendAt(side, write);
    first.signal('SIGSTOP');
    const rest = part(write + 1);
    await sendAnew(rest);
    gate.release();
    first.signal('SIGCONT');
    first.input('');
    // 3: some lines were refused.
    expect(await first.exit).toMatchObject({ code: 3 });
    const { accepted, unknown } = JSON.parse(first.stdout);
    // Where the freeze took more than ten seconds, it does not wait for its answer any more.
    expect(accepted + unknown).toBe(write * PART);
    expect(accepted).toBeGreaterThanOrEqual(told.length);
    await expectDelivered(told, untold, rest);
  },
);

test.each<Side>(['before', 'after'])(
  'a connection lost %s a write: its events are unknown, and only they can double when sent anew',
  async (side) => {
    const { gate, first, told, untold, sendAnew, expectDelivered } = await sendAt(side, 2);
    gate.cut();
    expect(await first.exit).toMatchObject({ code: 3 });
    expect(JSON.parse(first.stdout)).toMatchObject({ accepted: told.length, unknown: untold.length });
    expect(first.stderr).toContain('Redis did not confirm the write');
    await sendAnew(untold);
    await expectDelivered(told, untold, side === 'before' ? [] : untold);
  },
);
