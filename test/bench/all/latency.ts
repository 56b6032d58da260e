import { Queue } from 'bullmq';
import { v7 as uuidv7 } from 'uuid';
import { startChild } from '../child.ts';
import type { SenderCommands } from '../protocol.ts';
import { estimate, pairedRatios } from '../statistics.ts';
import { sentPayloadOf } from '../workload.ts';
import { atRate, percentile } from './pace.ts';
import { type Row, rowOfRounds } from './row.ts';
import { configOf, type Scene, scaled, withScene } from './scene.ts';
import { sharedNow } from './shared-clock.ts';
import { openSubmitter } from './submit.ts';

const CLIENT = 'acme';
/** That of the textbook worker of `contenders/bullmq.ts`. */
const QUEUE = 'textbook';
const PER_SECOND = 200;
const EVENTS = 2_000;
const LEAST_EVENTS = 50;
const ROUNDS = 15;
const LEAST_ROUNDS = 1;

/** An event of a turn on its way: submits the event with that number. */
type Submit = (n: number) => Promise<unknown>;

/** From the call that submits an event to its first byte at the endpoint, at 200 events/s, ÷ bare BullMQ's. */
export async function measureLatency(scale: number): Promise<readonly Row[]> {
  const events = scaled(EVENTS, scale, LEAST_EVENTS);
  const rounds = scaled(ROUNDS, scale, LEAST_ROUNDS);
  const ours: number[][] = [];
  const theirs: number[][] = [];
  await withScene(async (scene) => {
    // The first turn of each is its warm-up.
    for (let round = 0; round <= rounds; round += 1) {
      const [waybill, bullmq] = [await turnOfWaybill(scene, events), await turnOfBullmq(scene, events)];
      if (round === 0) continue;
      ours.push(waybill);
      theirs.push(bullmq);
    }
  });
  return [0.5, 0.99].map((share) => {
    const [above, below] = [ours, theirs].map((turns) => turns.map((turn) => percentile(turn, share)));
    return rowOfRounds(
      {
        name: `latency ÷ bare BullMQ, p${share * 100}`,
        goal: 1.3,
        floor: 1.5,
        better: 'less',
        detail: `from submitting to the first byte at the endpoint, ${PER_SECOND} events/s, ${events} a turn; ms of the latest turn: ${above?.at(-1)?.toFixed(2)} and ${below?.at(-1)?.toFixed(2)}`,
      },
      estimate(pairedRatios(above ?? [], below ?? [])),
    );
  });
}

async function turnOfWaybill(scene: Scene, events: number): Promise<number[]> {
  await scene.redis.reset();
  const config = configOf(scene.port, { [CLIENT]: {} });
  const submitter = await openSubmitter(config, scene.redis.socketPath);
  const engine = await scene.startEngine(config);
  try {
    return await latencies(scene, events, (n) => submitter.one(CLIENT, n));
  } finally {
    await submitter.close();
    await scene.stopEngine(engine);
  }
}

async function turnOfBullmq(scene: Scene, events: number): Promise<number[]> {
  const { redis, port } = scene;
  await redis.reset();
  const places = { port, redisSocket: redis.socketPath, undiciApi: 'request' };
  const worker = startChild<SenderCommands>('./sender-process.js', {
    args: ['bullmq', JSON.stringify(places)],
  });
  const queue = new Queue(QUEUE, {
    connection: { path: redis.socketPath },
    defaultJobOptions: { removeOnComplete: true },
  });
  try {
    await queue.waitUntilReady();
    await worker.ask('start', undefined);
    return await latencies(scene, events, (n) =>
      queue.add('disposition_update', sentPayloadOf(n), { jobId: uuidv7() }),
    );
  } finally {
    await worker.ask('stop', undefined);
    await worker.close();
    await queue.close();
  }
}

/** A tenth as many events go before, so that connections stand. */
async function latencies({ endpoint }: Scene, events: number, submit: Submit): Promise<number[]> {
  const leadIn = Math.ceil(events / 10);
  const submittedAt: number[] = [];
  await endpoint.ask('begin', undefined);
  await atRate(leadIn + events, PER_SECOND, (n) => {
    submittedAt[n] = sharedNow();
    return submit(n);
  });
  const arrivals = await endpoint.ask('arrivals', leadIn + events);
  return arrivals.flatMap(([n, at]) => (n < leadIn ? [] : [at - (submittedAt[n] ?? Number.NaN)]));
}
