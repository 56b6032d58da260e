import { expect, test } from 'vitest';
import type { StoredEvent } from '../../src/core/event.ts';
import { judgeSuspicion } from '../../src/core/suspicion.ts';

const event = (id: string): StoredEvent => ({ id, type: 'x', unit: id, body: '{}' });
const one = [event('a')];
const two = [event('a'), event('b')];

test.each([
  ['no process was lost', { events: two }, 0, { kind: 'none' }],
  ['two processes were lost', { events: two }, 2, { kind: 'none' }],
  ['a third was lost with several events', { events: two }, 3, { kind: 'split' }],
  ['a third was lost with one event', { events: one }, 3, { kind: 'alone', times: 1 }],
  ['it came from a batch that was split', { events: one, suspected: 0 }, 0, { kind: 'alone', times: 1 }],
  ['it was named twice', { events: one, suspected: 2 }, 2, { kind: 'alone', times: 3 }],
  ['it was named three times', { events: one, suspected: 3 }, 3, { kind: 'crash' }],
] as const)('where %s', (_, batch, stalls, suspicion) => {
  expect(judgeSuspicion(batch, stalls)).toEqual(suspicion);
});
