import { expect, test } from 'vitest';
import { type Obstacle, watchCanaries } from '../../src/dead-letters/watch-canaries.ts';
import type { FirstAttempt, ReplayedEvent } from '../../src/queue/first-attempt.ts';
import { storedEvent } from '../support/events.ts';

const WAITING: FirstAttempt = { kind: 'waiting' };
const DELIVERED: FirstAttempt = { kind: 'delivered' };

/** Canary n, of the client that sees to every second one. */
function canary(n: number): ReplayedEvent {
  return { client: n % 2 === 0 ? 'even' : 'odd', jobId: `job-${n}`, event: storedEvent(n, { life: 1 }) };
}

interface Scene {
  readonly count: number;
  /** What is found of canary n at the look with this number, counted from 1. */
  attemptAt(look: number, n: number): FirstAttempt;
  /** What is in the way of a client. */
  obstacleAt?(look: number, client: string): Obstacle | undefined;
  /** Interrupts the watch after this look. */
  readonly interruptAfter?: number;
}

async function watch({ count, attemptAt, obstacleAt = () => undefined, interruptAfter }: Scene) {
  let look = 1;
  const progress: number[] = [];
  const interrupt = new AbortController();
  const account = await watchCanaries(
    Array.from({ length: count }, (_, n) => canary(n)),
    {
      readFirstAttempt: async ({ jobId }) => attemptAt(look, Number(jobId.slice(4))),
      findObstacle: async ({ client }) => obstacleAt(look, client),
      pause: async () => {
        if (look === interruptAfter) interrupt.abort();
        look += 1;
      },
      onProgress: (tried) => progress.push(tried),
      signal: interrupt.signal,
    },
  );
  return { account, progress, looks: look };
}

test('it ends when the first attempt of each is over, and tells which failed', async () => {
  const failed = storedEvent(1, { life: 1, history: [[5, 503, 'server_error', 2]], response: 'busy' });
  const { account, progress } = await watch({
    count: 3,
    attemptAt: (look, n) => {
      if (look <= n) return WAITING;
      return n === 1 ? { kind: 'failed', state: 'retrying', event: failed } : DELIVERED;
    },
  });
  expect(account).toEqual({
    replayed: 3,
    delivered: 2,
    failed: [{ client: 'odd', state: 'retrying', event: failed }],
    stuck: [],
    interrupted: false,
  });
  expect(progress).toEqual([1, 2, 3]);
});

test('canaries of an endpoint that is down are not waited for; those of others are', async () => {
  const { account, looks } = await watch({
    count: 5,
    attemptAt: (look, n) => (n % 2 === 0 && look >= 9 ? DELIVERED : WAITING),
    obstacleAt: (_look, client) => (client === 'odd' ? 'down' : undefined),
  });
  expect(account).toMatchObject({
    delivered: 3,
    stuck: [{ client: 'odd', type: 'disposition_update', count: 2, obstacle: 'down' }],
  });
  expect(looks).toBe(9);
});

test('a service that starts again within twenty looks is waited for', async () => {
  const restart = (until: number) =>
    watch({
      count: 1,
      attemptAt: (look) => (look > 40 ? DELIVERED : WAITING),
      obstacleAt: (look) => (look <= until ? 'no_service' : undefined),
    });
  expect((await restart(19)).account).toMatchObject({ delivered: 1, stuck: [] });
  expect((await restart(20)).account).toMatchObject({ delivered: 0, stuck: [{ obstacle: 'no_service' }] });
});

test('an obstacle that goes away is counted from the start when it is back', async () => {
  const { account } = await watch({
    count: 1,
    attemptAt: (look) => (look > 12 ? DELIVERED : WAITING),
    obstacleAt: (look) => (look % 4 === 0 ? undefined : 'down'),
  });
  expect(account).toMatchObject({ delivered: 1, stuck: [] });
});

test('an interruption ends it after one more look', async () => {
  const { account } = await watch({
    count: 3,
    attemptAt: (look, n) => (look === 3 && n === 0 ? DELIVERED : WAITING),
    interruptAfter: 2,
  });
  expect(account).toEqual({ replayed: 3, delivered: 1, failed: [], stuck: [], interrupted: true });
});

test('without any canary it is over at once', async () => {
  const { account } = await watch({ count: 0, attemptAt: () => WAITING });
  expect(account).toMatchObject({ replayed: 0, delivered: 0 });
});
