import { expect, test } from 'vitest';
import { isIdempotencyKey, type KeyHolder } from '../../src/core/idempotency-key.ts';
import { WaybillError } from '../../src/core/waybill-error.ts';
import { numberedEvent, numberedEvents, sampleEvent } from '../support/events.ts';
import { recordedIntake } from './support/recorded-intake.ts';

const TYPE = 'disposition_update';

test('a key is 1 to 255 printable ASCII characters', () => {
  for (const key of ['a', ' ', '~', 'order 17/{a}', 'x'.repeat(255)])
    expect(isIdempotencyKey(key)).toBe(true);
  for (const key of ['', 'x'.repeat(256), 'a\n', '\u007f', 'é', '\ud800', 17, null, {}]) {
    expect(isIdempotencyKey(key)).toBe(false);
  }
});

test.each([
  ['', 'found ""'],
  ['ä', 'found "ä"'],
  ['x'.repeat(256), `found "${'x'.repeat(100)}"…`],
  [null, 'found a value of type object'],
])(
  'a key that is not 1 to 255 printable ASCII characters is refused with what was found (%#)',
  async (key, found) => {
    const { intake, written } = recordedIntake();
    const message = `the idempotency key must be 1 to 255 printable ASCII characters, ${found}`;
    expect(await intake.submit('acme', TYPE, sampleEvent(TYPE), { idempotencyKey: key as string })).toEqual({
      outcome: 'refused',
      code: 'IDEMPOTENCY_KEY_INVALID',
      problems: [{ path: '$', message }],
    });
    expect(written).toEqual([]);
  },
);

test('submitMany asks for the key of each valid event; an event whose key fails is refused alone', async () => {
  const { intake, written } = recordedIntake();
  const asked: unknown[] = [];
  const payloads = [...numberedEvents(TYPE, 3), {}, ...numberedEvents(TYPE, 2, 3)];
  const results = await intake.submitMany('acme', TYPE, payloads, {
    idempotencyKeyOf(payload, index) {
      asked.push(payload);
      if (index === 1) throw new Error('\u001b[2J');
      if (index === 2) throw new WaybillError('X', '$.id is missing');
      return index === 4 ? undefined : `line ${index}`;
    },
  });
  expect(asked).toEqual(payloads.filter((_, index) => index !== 3));
  expect(results.map((result) => ('code' in result ? result.code : result.outcome))).toEqual([
    'accepted',
    'IDEMPOTENCY_KEY_INVALID',
    'IDEMPOTENCY_KEY_INVALID',
    'INVALID_EVENT',
    'accepted',
    'accepted',
  ]);
  expect(results.slice(1, 3)).toMatchObject([
    { problems: [{ message: 'there is no idempotency key: the function that makes it throws an error' }] },
    { problems: [{ message: 'there is no idempotency key: $.id is missing' }] },
  ]);
  const keys = written.flatMap((batch) => batch.keys?.map((key) => key?.key));
  expect(keys).toEqual(['line 0', undefined, 'line 5']);
});

test('a second event under a key gets the id of the first; another payload under it is refused', async () => {
  const held = new Map<string, KeyHolder>();
  const { intake } = recordedIntake((batches) => {
    const holders = new Map<string, KeyHolder>();
    for (const { events, keys } of batches) {
      for (const [index, { id }] of events.entries()) {
        const { key = '', fingerprint = '' } = keys?.[index] ?? {};
        const holder = held.get(key);
        if (holder === undefined) held.set(key, { id, fingerprint });
        else holders.set(id, holder);
      }
    }
    return { kind: 'committed', holders };
  });
  const submit = (payload: unknown) => intake.submit('acme', TYPE, payload, { idempotencyKey: 'k' });
  expect(await submit(numberedEvent(TYPE, 1, { warehouse_identifier: 22 }))).toEqual({
    outcome: 'accepted',
    id: 'id-0',
  });
  // What goes out is the same.
  const same = { outcome: 'accepted', id: 'id-0', repeated: true };
  expect(await submit(numberedEvent(TYPE, 1, { warehouse_identifier: '22' }))).toEqual(same);
  expect(await submit(numberedEvent(TYPE, 2))).toEqual({
    outcome: 'refused',
    code: 'IDEMPOTENCY_KEY_REUSED',
    problems: [
      {
        path: '$',
        message: 'the idempotency key "k" stands for event id-0, which has another type or payload',
      },
    ],
  });
});

test('the message of an unknown outcome says that repeating is safe only if the event has a key', async () => {
  const { intake } = recordedIntake(() => ({
    kind: 'unknown',
    error: new WaybillError('REDIS_ANSWER_LOST', 'Redis did not confirm'),
  }));
  const payload = sampleEvent(TYPE);
  const messages = await Promise.all(
    [{}, { idempotencyKey: 'k' }].map((options) => intake.submit('acme', TYPE, payload, options)),
  );
  expect(messages).toMatchObject([
    { problems: [{ message: 'Redis did not confirm' }] },
    {
      outcome: 'unknown',
      problems: [{ message: 'Redis did not confirm; submitting it again with its idempotency key is safe' }],
    },
  ]);
});
