import { setTimeout as pause } from 'node:timers/promises';
import type { ClientView } from '../../src/queue/client-view.ts';
import { closeRedis } from '../../src/queue/connections.ts';
import { readDeadLetters } from '../../src/queue/dead-letters.ts';
import { readView } from '../support/client-view.ts';
import type { DurableRedis } from './durable-redis.ts';
import type { FinalDeadLetter } from './evidence.ts';
import { unitOf } from './fates.ts';

const LOOK_AGAIN_MS = 300;
/** Batches of a lost process come back after 40 s; what they hold then has all its retries before it. */
const GIVE_UP_MS = 150_000;

/** How the end came. */
export interface End {
  readonly ms: number;
  /** What was left when the patience was over, in words; undefined: nothing. */
  readonly left: string | undefined;
}

/** Waits until every event of a client was delivered or is dead. `count`: how many requests were sent so far. */
export async function waitForEnd(
  redis: DurableRedis,
  client: string,
  count: () => Promise<number>,
): Promise<End> {
  const began = performance.now();
  const connection = redis.connect();
  try {
    let quietAt: number | undefined;
    for (;;) {
      const status = await readView(connection, client);
      const sent = await count();
      const ms = performance.now() - began;
      // Not at the first look: the states are read one after another, and an event may pass between two of them.
      if (isQuiet(status) && quietAt === sent) return { ms, left: undefined };
      if (ms > GIVE_UP_MS) return { ms, left: describe(status) };
      quietAt = isQuiet(status) ? sent : undefined;
      await pause(LOOK_AGAIN_MS);
    }
  } finally {
    closeRedis(connection);
  }
}

/** What stands in Redis when all is over. */
export async function readEnd(
  redis: DurableRedis,
  client: string,
): Promise<{ readonly deadLetters: readonly FinalDeadLetter[]; readonly broken: number }> {
  const connection = redis.connect();
  try {
    const deadLetters: FinalDeadLetter[] = [];
    for await (const page of readDeadLetters(connection, client)) {
      for (const { unit, history = [], life = 0 } of page) {
        const failureClass = history.at(-1)?.[2] ?? '';
        const failedAt = history.map(([at]) => at);
        const attempts = history.length;
        deadLetters.push({ unit: unitOf(unit) ?? -1, attempts, failureClass, failedAt, life });
      }
    }
    return { deadLetters, broken: (await readView(connection, client)).broken };
  } finally {
    closeRedis(connection);
  }
}

function isQuiet({ waiting, inFlight, retrying }: ClientView): boolean {
  return waiting + inFlight + retrying === 0;
}

function describe({ waiting, inFlight, retrying }: ClientView): string {
  return `${waiting} wait, ${inFlight} are in flight, ${retrying} retry`;
}
