import { setTimeout as pause } from 'node:timers/promises';
import { readView } from '../../support/client-view.ts';
import { BODY_BYTES } from '../workload.ts';
import { type Row, rowOfValue } from './row.ts';
import { configOf, type Scene, scaled, withScene } from './scene.ts';
import { openSubmitter } from './submit.ts';

const CLIENT = 'acme';
const EVENTS = 200_000;
const LEAST_EVENTS = 1_000;
const LOOK_AGAIN_MS = 50;
/** So long that no retry comes due while it is measured. */
const RETRY = { baseDelayMs: 3_600_000, maxDelayMs: 3_600_000 };

/** Redis memory per waiting event ÷ its payload bytes: in full batches, and while all of them wait for a retry. */
export async function measureRedisMemory(scale: number): Promise<readonly Row[]> {
  const events = scaled(EVENTS, scale, LEAST_EVENTS);
  const [waiting, retrying] = await withScene((scene) => measure(scene, events));
  const detail = `${events.toLocaleString('en-US')} events with payloads of ${BODY_BYTES} bytes`;
  const target = { better: 'less', detail } as const;
  return [
    rowOfValue({ ...target, name: 'Redis memory ÷ payload, full batches', goal: 1.5 }, waiting),
    rowOfValue(
      {
        ...target,
        name: 'Redis memory ÷ payload, while retrying',
        goal: 3,
        detail: `${detail}, after one failure each`,
      },
      retrying,
    ),
  ];
}

async function measure(scene: Scene, events: number): Promise<readonly [number, number]> {
  const { redis, port } = scene;
  const config = configOf(port, {
    [CLIENT]: { path: '/broken', retry: RETRY, pace: 'fixed', concurrency: 64 },
  });
  await redis.reset();
  const empty = await usedMemory(scene);
  const submitter = await openSubmitter(config, redis.socketPath);
  await submitter.many(CLIENT, events);
  await submitter.close();
  const waiting = await usedMemory(scene);
  const engine = await scene.startEngine(config);
  while ((await readView(redis.connection, CLIENT)).retrying < events) await pause(LOOK_AGAIN_MS);
  await scene.stopEngine(engine);
  const retrying = await usedMemory(scene);
  return [(waiting - empty) / events / BODY_BYTES, (retrying - empty) / events / BODY_BYTES];
}

/** Without what Redis keeps for its connections and its append-only file. */
async function usedMemory({ redis }: Scene): Promise<number> {
  await redis.connection.call('MEMORY', 'PURGE');
  const info = await redis.connection.info('memory');
  const read = (field: string): number => Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
  return read('used_memory') - read('mem_clients_normal') - read('mem_aof_buffer');
}
