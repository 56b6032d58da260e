import { expect, test } from 'vitest';
import { nextRestart } from '../../src/supervisor/supervisor.ts';

test('each loss soon after a start doubles the wait, up to half a minute', () => {
  let losses = 0;
  const delays = Array.from({ length: 7 }, () => {
    const next = nextRestart(losses, 100);
    losses = next.losses;
    return next.delayMs;
  });
  expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
});

test('a worker that has lived for a minute begins anew', () => {
  expect(nextRestart(6, 60_000)).toEqual({ losses: 1, delayMs: 1_000 });
});
