import { v7 as uuidv7 } from 'uuid';
import { actOnDeadLetters } from '../../../src/dead-letters/act-on-dead-letters.ts';
import { closeRedis, openRedis } from '../../../src/queue/connections.ts';
import { readDeadLetters, replayDeadLetters } from '../../../src/queue/dead-letters.ts';
import { startPrivateRedis } from '../private-redis.ts';
import { estimate } from '../statistics.ts';
import { addDeadLetters } from './dead-letters.ts';
import { type Row, rowOfRounds } from './row.ts';
import { scaled } from './scene.ts';

const CLIENT = 'acme';
const LETTERS = 50_000;
const LEAST_LETTERS = 500;
const ROUNDS = 9;
const LEAST_ROUNDS = 1;
const BATCH = 50;

/** Replay of all dead letters, as the command does it: letters/s. */
export async function measureReplay(scale: number): Promise<Row> {
  const letters = scaled(LETTERS, scale, LEAST_LETTERS);
  const rounds = scaled(ROUNDS, scale, LEAST_ROUNDS);
  const speeds: number[] = [];
  const server = await startPrivateRedis();
  const redis = openRedis({ socketPath: server.socketPath }, 'operator', () => {});
  try {
    // The first round is a warm-up.
    for (let round = 0; round <= rounds; round += 1) {
      await server.reset();
      await addDeadLetters(server.connection, CLIENT, letters);
      const began = performance.now();
      const { done } = await actOnDeadLetters(
        (client) => readDeadLetters(redis, client),
        (client, events) => replayDeadLetters(redis, client, uuidv7(), events, Date.now()),
        { clients: [CLIENT], filter: {}, batchSizeOf: () => BATCH },
      );
      if (done !== letters) throw new Error(`of ${letters} dead letters ${done} were replayed`);
      if (round > 0) speeds.push(letters / ((performance.now() - began) / 1_000));
    }
  } finally {
    closeRedis(redis);
    await server.close();
  }
  return rowOfRounds(
    {
      name: 'replay, dead letters/s',
      goal: 20_000,
      floor: 10_000,
      better: 'more',
      digits: 0,
      detail: `${letters.toLocaleString('en-US')} dead letters into the queue, ${BATCH} a batch`,
    },
    estimate(speeds),
  );
}
