import { expect, test } from 'vitest';
import { EVENT_TYPE_NAMES } from '../../src/core/event-types.ts';
import { WaybillError } from '../../src/core/waybill-error.ts';
import { MINIMAL } from '../support/config-problems.ts';
import { numberedEvent, numberedEvents, sampleEvent, unitOfEvent } from '../support/events.ts';
import { recordedIntake } from './support/recorded-intake.ts';

const TYPE = 'disposition_update';
const OTHER_TYPE = 'inventory_receipt';
const TWO_CLIENTS = JSON.stringify({
  clients: {
    acme: { baseUrl: 'https://acme.example', endpoints: { [TYPE]: '/d', [OTHER_TYPE]: '/r' } },
    emca: { baseUrl: 'https://emca.example', endpoints: { [TYPE]: '/d' } },
  },
});

test('an accepted event has an id, a unit and the exact body that will be sent', async () => {
  const { intake, written } = recordedIntake();
  const payload = { ...sampleEvent(TYPE), warehouse_identifier: 22 };
  const result = await intake.submit('acme', TYPE, payload);
  expect(result).toEqual({ outcome: 'accepted', id: 'id-0' });
  expect(written).toHaveLength(1);
  const [event] = written[0]?.events ?? [];
  expect(event).toEqual({ id: 'id-0', type: TYPE, unit: 'LPAA1234567', body: event?.body });
  expect(JSON.parse(event?.body ?? '')).toEqual(sampleEvent(TYPE));
  expect(payload.warehouse_identifier).toBe(22);
});

test.each([
  ['outlet', TYPE, 'UNKNOWN_CLIENT', 'client "outlet" is not in the configuration'],
  ['constructor', TYPE, 'UNKNOWN_CLIENT', 'client "constructor" is not in the configuration'],
  ['__proto__', TYPE, 'UNKNOWN_CLIENT', 'client "__proto__" is not in the configuration'],
  [
    'acme',
    'return',
    'UNKNOWN_EVENT_TYPE',
    `"return" is not an event type; there are: ${EVENT_TYPE_NAMES.join(', ')}`,
  ],
  ['acme', 'inventory_receipt', 'NO_ENDPOINT', 'client "acme" has no endpoint for inventory_receipt'],
])('%s %s is refused: %s', async (client, type, code, message) => {
  const { intake, written } = recordedIntake();
  const refused = { outcome: 'refused', code, problems: [{ path: '$', message }] };
  expect(await intake.submit(client, type, sampleEvent(TYPE))).toEqual(refused);
  expect(await intake.submitMany(client, type, [1, 2])).toEqual([refused, refused]);
  expect(written).toEqual([]);
});

test.each([
  [Symbol('acme'), 'client (a name of type symbol) is not in the configuration'],
  [undefined, 'client (a name of type undefined) is not in the configuration'],
  [{ toString: 'acme' }, 'client (a name of type object) is not in the configuration'],
  ['\u001b[2J', 'client "\\u001b[2J" is not in the configuration'],
  ['x'.repeat(1_000), `client "${'x'.repeat(100)}"… is not in the configuration`],
])(
  'a client or type that is not the name of one is refused, whatever its JavaScript type (%#)',
  async (client, message) => {
    const { intake } = recordedIntake();
    const problems = [{ path: '$', message }];
    expect(await intake.submit(client as string, TYPE, {})).toMatchObject({ problems });
    expect(await intake.submitMany(client as string, TYPE, [{}])).toMatchObject([{ problems }]);
    const type = await intake.submit('acme', client as string, {});
    expect(type).toMatchObject({ code: 'UNKNOWN_EVENT_TYPE' });
  },
);

test('a payload that throws when it is read is refused, and stops no other', async () => {
  const { intake } = recordedIntake();
  const throwing = Object.defineProperty({}, 'sku', { enumerable: true, get: () => JSON.parse('{') });
  expect(await intake.submit('acme', TYPE, throwing)).toMatchObject({ code: 'INVALID_EVENT' });
  const results = await intake.submitMany('acme', TYPE, [sampleEvent(TYPE), throwing, sampleEvent(TYPE)]);
  expect(results.map(({ outcome }) => outcome)).toEqual(['accepted', 'refused', 'accepted']);
});

test('a bad payload is refused with every problem at once', async () => {
  const { intake, written } = recordedIntake();
  const result = await intake.submit('acme', TYPE, { ...sampleEvent(TYPE), from_condition: 'Q', extra: 1 });
  expect(result).toMatchObject({ outcome: 'refused', code: 'INVALID_EVENT' });
  expect('problems' in result && result.problems.length).toBe(2);
  for (const payload of [undefined, null, 'text', 7, [], {}]) {
    expect(await intake.submit('acme', TYPE, payload)).toMatchObject({ code: 'INVALID_EVENT' });
  }
  expect(written).toEqual([]);
});

test('an event of 256 KiB is accepted, and one of a byte more is refused', async () => {
  const { intake } = recordedIntake();
  const sized = (bytes: number) => {
    const rest = JSON.stringify({ ...sampleEvent(TYPE), store_identifier: '' }).length;
    return { ...sampleEvent(TYPE), store_identifier: 'x'.repeat(bytes - rest) };
  };
  expect(await intake.submit('acme', TYPE, sized(262_144))).toMatchObject({ outcome: 'accepted' });
  expect(await intake.submit('acme', TYPE, sized(262_145))).toEqual({
    outcome: 'refused',
    code: 'EVENT_TOO_LARGE',
    problems: [{ path: '$', message: 'must be at most 262144 bytes as JSON, found 262145' }],
  });
});

test('a payload that is too large is refused before its JSON is searched for numbers; blanks do not count', async () => {
  const type = 'inventory_receipt';
  const { intake, written } = recordedIntake(undefined, MINIMAL.replace(TYPE, type));
  const submit = (text: string) => intake.submit('acme', type, JSON.parse(text), { source: { text } });
  const withMore = (more: string) =>
    JSON.stringify({ ...sampleEvent(type), more: 0 }).replace('"more":0', `"more":${more}`);

  const deep = withMore(`${'['.repeat(60)}${'12345678901234567,'.repeat(900_000)}0${']'.repeat(60)}`);
  const started = performance.now();
  expect(await submit(deep)).toMatchObject({ outcome: 'refused', code: 'EVENT_TOO_LARGE' });
  expect(performance.now() - started).toBeLessThan(5_000);

  expect(await submit(withMore(`[-5,${' '.repeat(300_000)}-5]`))).toMatchObject({ outcome: 'accepted' });
  expect(JSON.parse(written[0]?.events[0]?.body ?? '')).toMatchObject({ more: [-5, -5] });
  expect(await submit(withMore(`[${' '.repeat(300_000)}12345678901234567]`))).toMatchObject({
    code: 'INVALID_EVENT',
    problems: [{ path: '$.more[0]' }],
  });
  expect(await submit(withMore(`${'[-1,'.repeat(200_000)}0${']'.repeat(200_000)}`))).toMatchObject({
    code: 'INVALID_EVENT',
    problems: [{ path: '$.more', message: 'holds more than 64 levels of nesting' }],
  });
});

test('submitMany returns results in the order of the payloads, and a bad payload stops no other', async () => {
  const { intake, written } = recordedIntake();
  const payloads = [numberedEvent(TYPE, 0), {}, numberedEvent(TYPE, 1), 'x', numberedEvent(TYPE, 2)];
  const results = await intake.submitMany('acme', TYPE, payloads);
  expect(results.map((result) => result.outcome)).toEqual([
    'accepted',
    'refused',
    'accepted',
    'refused',
    'accepted',
  ]);
  expect(written.map(({ events }) => events.map(({ id }) => id))).toEqual([['id-0', 'id-1', 'id-2']]);
  expect(await intake.submitMany('acme', TYPE, [])).toEqual([]);
});

test.each([
  ['unknown', 'REDIS_ANSWER_LOST', { outcome: 'unknown', code: 'REDIS_ANSWER_LOST', id: 'id-0' }],
  ['unknown', 'REDIS_NOT_REPLICATED', { outcome: 'unknown', code: 'REDIS_NOT_REPLICATED', id: 'id-0' }],
  ['refused', 'REDIS_REFUSED', { outcome: 'refused', code: 'REDIS_REFUSED' }],
  ['refused', 'REDIS_UNAVAILABLE', { outcome: 'refused', code: 'REDIS_UNAVAILABLE' }],
] as const)('the events of a write that is %s with %s have that result', async (kind, code, result) => {
  const { intake } = recordedIntake(() => ({ kind, error: new WaybillError(code, 'why') }));
  expect(await intake.submit('acme', TYPE, sampleEvent(TYPE))).toEqual({
    ...result,
    problems: [{ path: '$', message: 'why' }],
  });
});

test('each endpoint has batches of its own, in the order of its events', async () => {
  const { intake, written } = recordedIntake(undefined, TWO_CLIENTS);
  const endpoints = [
    ['acme', TYPE],
    ['acme', OTHER_TYPE],
    ['emca', TYPE],
  ] as const;
  const results = [0, 1, 2].flatMap((n) =>
    endpoints.map(([client, type]) => intake.submit(client, type, numberedEvent(type, n))),
  );
  for (const result of await Promise.all(results)) expect(result).toMatchObject({ outcome: 'accepted' });
  const units = written.map(({ endpoint, events }) => ({
    ...endpoint,
    units: events.map(({ unit }) => unit),
  }));
  expect(units).toEqual(
    endpoints.map(([client, type]) => ({
      client,
      type,
      units: numberedEvents(type, 3).map((payload) => unitOfEvent(type, payload)),
    })),
  );
});

test('while 10,000 events wait, submit refuses an event and submitMany waits for room', async () => {
  const { intake, written } = recordedIntake();
  const payload = sampleEvent(TYPE);
  const first = Array.from({ length: 10_000 }, () => intake.submit('acme', TYPE, payload));
  // In the same turn, before any write begins.
  expect(await intake.submit('acme', TYPE, payload)).toEqual({
    outcome: 'refused',
    code: 'INTAKE_FULL',
    problems: [{ path: '$', message: 'too many events of client "acme" wait to be written already' }],
  });
  const many = await intake.submitMany('acme', TYPE, [payload, payload]);
  const results = [...(await Promise.all(first)), ...many];
  expect(results.every((result) => result.outcome === 'accepted')).toBe(true);
  expect(written.flatMap(({ events }) => events)).toHaveLength(10_002);
  expect(await intake.submit('acme', TYPE, payload)).toMatchObject({ outcome: 'accepted' });
});

test('the endpoints of a client share the 10,000 events that may wait; another client has its own', async () => {
  const { intake, written } = recordedIntake(undefined, TWO_CLIENTS);
  const payload = sampleEvent(TYPE);
  const other = sampleEvent(OTHER_TYPE);
  const first = Array.from({ length: 5_000 }, () => [
    intake.submit('acme', TYPE, payload),
    intake.submit('acme', OTHER_TYPE, other),
  ]).flat();
  const inSameTurn = [
    intake.submit('acme', TYPE, payload),
    intake.submit('acme', OTHER_TYPE, other),
    intake.submit('emca', TYPE, payload),
  ];
  expect(await Promise.all(inSameTurn)).toMatchObject([
    { code: 'INTAKE_FULL' },
    { code: 'INTAKE_FULL' },
    { outcome: 'accepted' },
  ]);
  const results = await Promise.all(first);
  expect(results.every((result) => result.outcome === 'accepted')).toBe(true);
  expect(written.flatMap(({ events }) => events)).toHaveLength(10_001);
});

test('close waits until every endpoint has written its events, and intake refuses afterwards', async () => {
  const { intake, written } = recordedIntake(undefined, TWO_CLIENTS);
  const taken = [
    intake.submitMany('acme', TYPE, numberedEvents(TYPE, 3)),
    intake.submitMany('acme', OTHER_TYPE, numberedEvents(OTHER_TYPE, 2)),
  ];
  await intake.close();
  expect(written.map(({ events }) => events.length)).toEqual([3, 2]);
  const results = (await Promise.all(taken)).flat();
  expect(results.map((result) => result.outcome)).toEqual(Array(5).fill('accepted'));
  const refused = { outcome: 'refused', code: 'INTAKE_CLOSED' };
  expect(await intake.submit('acme', TYPE, sampleEvent(TYPE))).toMatchObject(refused);
  expect(await intake.submitMany('acme', TYPE, [sampleEvent(TYPE)])).toMatchObject([refused]);
});
