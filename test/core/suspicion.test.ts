import { expect, test } from 'vitest';
import type { Batch, StoredEvent } from '../../src/core/event.ts';
import { judgeSuspicion } from '../../src/core/suspicion.ts';

const event = (id: string): StoredEvent => ({ id, type: 'x', unit: id, body: '{}' });
const one = [event('a')];
const two = [event('a'), event('b')];

const sends = (named: number, late: number) => ({
  kind: 'alone',
  named: { named: named + 1, late },
  late: { named, late: late + 1 },
});

test.each<[string, Batch, number, unknown]>([
  ['no process was lost', { events: two }, 0, { kind: 'none' }],
  ['two processes were lost', { events: two }, 2, { kind: 'none' }],
  ['a third was lost with several events', { events: two }, 3, { kind: 'split' }],
  ['a third was lost with one event', { events: one }, 3, sends(0, 0)],
  ['it came from a batch that was split', { events: one, suspected: { named: 0, late: 0 } }, 0, sends(0, 0)],
  [
    'it was named twice',
    { events: one, suspected: { named: 2, late: 0 } },
    2,
    { kind: 'wait', ms: 2_000, suspected: { named: 2, late: 0, waited: 2 } },
  ],
  ['it has waited since', { events: one, suspected: { named: 2, late: 0, waited: 2 } }, 2, sends(2, 0)],
  [
    'another process was lost since it waited',
    { events: one, suspected: { named: 2, late: 1, waited: 2 } },
    3,
    { kind: 'wait', ms: 3_000, suspected: { named: 2, late: 1, waited: 3 } },
  ],
  ['it was named three times', { events: one, suspected: { named: 3, late: 0 } }, 3, { kind: 'crash' }],
  ['it was late eight times', { events: one, suspected: { named: 0, late: 8 } }, 8, { kind: 'crash' }],
])('where %s', (_, batch, stalls, suspicion) => {
  expect(judgeSuspicion(batch, stalls)).toEqual(suspicion);
});

/** Loses process after process while the batch is open; `at` says when. @returns how many it takes until it is dead */
function lossesUntilDead(at: (loss: number) => 'named' | 'late'): number {
  let batch: Batch = { events: one };
  for (let losses = 0; ; losses += 1) {
    let suspicion = judgeSuspicion(batch, losses);
    if (suspicion.kind === 'wait') {
      batch = { events: one, suspected: suspicion.suspected };
      suspicion = judgeSuspicion(batch, losses);
    }
    if (suspicion.kind === 'crash') return losses;
    if (suspicion.kind === 'alone') batch = { events: one, suspected: suspicion[at(losses)] };
    else expect(suspicion).toEqual({ kind: 'none' });
  }
}

test('what ends its process at once is dead after six; ten losses in which an event was slow harm no one', () => {
  expect(lossesUntilDead(() => 'named')).toBe(6);
  expect(lossesUntilDead(() => 'late')).toBe(11);
});
