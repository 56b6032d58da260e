import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { readView } from '../../support/client-view.ts';

const LOOK_AGAIN_MS = 250;

/** Waits until so many events were delivered or are dead, `limitMs` at most. @returns how many are dead */
export async function untilThrough(
  redis: Redis,
  client: string,
  events: number,
  limitMs: number,
): Promise<number> {
  const until = performance.now() + limitMs;
  for (;;) {
    const { delivered, dead } = await readView(redis, client);
    if (delivered + dead >= events || performance.now() > until) return dead;
    await pause(LOOK_AGAIN_MS);
  }
}
