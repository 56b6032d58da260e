import { expect, test } from 'vitest';
import { actOnDeadLetters } from '../../src/dead-letters/act-on-dead-letters.ts';
import { storedEvent } from '../support/events.ts';

/** Acts on six letters in pages of two, and is interrupted while it acts on the group with this number. */
async function interruptedAt(group: number) {
  const interrupt = new AbortController();
  const groups: string[][] = [];
  const result = await actOnDeadLetters(
    async function* () {
      for (const first of [0, 2, 4]) yield [storedEvent(first), storedEvent(first + 1)];
    },
    async (_client, events) => {
      groups.push(events.map(({ id }) => id));
      if (groups.length === group) interrupt.abort();
      return events.length;
    },
    { clients: ['acme'], filter: {}, batchSizeOf: () => 50, signal: interrupt.signal },
  );
  return { groups: groups.length, ...result };
}

test('an interruption ends it after the group under way', async () => {
  expect(await interruptedAt(2)).toEqual({ groups: 2, found: 4, done: 4, interrupted: true });
});

test('an interruption during the last group leaves nothing undone, and is not told', async () => {
  expect(await interruptedAt(3)).toEqual({ groups: 3, found: 6, done: 6, interrupted: false });
});
