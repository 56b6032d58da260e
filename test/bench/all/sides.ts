import { openSync } from 'node:fs';
import { join } from 'node:path';
import { WORKER_FLAGS } from '../../../src/supervisor/worker-process.ts';
import { type Child, startChild } from '../child.ts';
import { submitEvents } from '../contenders/intake.ts';
import { type PrivateRedis, startPrivateRedis } from '../private-redis.ts';
import type { Places, ReceiverCommands, SenderCommands } from '../protocol.ts';
import { estimate, median, pairedRatios } from '../statistics.ts';
import { type Row, rowOfRounds } from './row.ts';
import { scaled } from './scene.ts';

const SIDES = ['on', 'off'] as const;
type Side = (typeof SIDES)[number];

/** Each with processes of its own: what the compiler makes of a process stays with it. */
const BLOCKS = 9;
const ROUNDS = 4;
const LEAST_BLOCKS = 1;
const LEAST_ROUNDS = 1;
/** About 0.7 s. */
const EVENTS = 12_000;
/** About four seconds, until the compiler makes no more of it. */
const WARM_UP_EVENTS = 60_000;
const LEAST_EVENTS = 100;
const LEAD_IN = 0.1;

/** A Redis, an endpoint and an engine of each side. */
interface Block {
  readonly redis: PrivateRedis;
  readonly receiver: Child<ReceiverCommands>;
  readonly engines: Readonly<Record<Side, { places: Places; sender: Child<SenderCommands> }>>;
}

/** The client's settings on each side. */
export type Sides = Readonly<Record<Side, NonNullable<Places['settings']>>>;

/** What a feature costs: processor time per event with these settings, on ÷ off, in turns. */
export async function measureSides(name: string, sides: Sides, scale: number): Promise<Row> {
  const ratios: number[] = [];
  let latest = { on: Number.NaN, off: Number.NaN };
  for (let block = scaled(BLOCKS, scale, LEAST_BLOCKS); block > 0; block -= 1) {
    const found = await runBlock(sides, scale);
    ratios.push(median(pairedRatios(found.on, found.off)));
    latest = { on: median(found.on), off: median(found.off) };
  }
  return rowOfRounds(
    {
      name,
      goal: 1,
      floor: 1.03,
      better: 'less',
      digits: 3,
      detail: `${ratios.length} blocks in processes of their own, turns of ${scaled(EVENTS, scale, LEAST_EVENTS).toLocaleString('en-US')} events; µs of the latest block: ${latest.on.toFixed(1)} and ${latest.off.toFixed(1)}`,
    },
    estimate(ratios),
  );
}

/** Processor time per event in the rounds of one block, in µs; what stands at one index was measured together. */
async function runBlock(sides: Sides, scale: number): Promise<Record<Side, number[]>> {
  const found: Record<Side, number[]> = { on: [], off: [] };
  const block = await openBlock(sides);
  try {
    for (const side of SIDES) await turn(block, side, scaled(WARM_UP_EVENTS, scale, LEAST_EVENTS));
    for (let round = 0; round < scaled(ROUNDS, scale, LEAST_ROUNDS); round += 1) {
      for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
        found[side].push(await turn(block, side, scaled(EVENTS, scale, LEAST_EVENTS)));
      }
    }
    return found;
  } finally {
    const { redis, receiver, engines } = block;
    await Promise.all([receiver, ...SIDES.map((side) => engines[side].sender)].map((child) => child.close()));
    await redis.close();
  }
}

async function openBlock(sides: Sides): Promise<Block> {
  const redis = await startPrivateRedis();
  const receiver = startChild<ReceiverCommands>('./receiver.js');
  const port = await receiver.ask('listen', 'bare');
  const stdout = openSync(join(redis.directory, 'waybill.log'), 'a');
  const engine = (settings: Sides[Side]) => {
    const places: Places = { port, redisSocket: redis.socketPath, undiciApi: 'request', settings };
    const args = ['waybill', JSON.stringify(places)];
    const sender = startChild<SenderCommands>('./sender-process.js', { args, flags: WORKER_FLAGS, stdout });
    return { places, sender };
  };
  return { redis, receiver, engines: { on: engine(sides.on), off: engine(sides.off) } };
}

/** Delivers so many events. @returns what the engine's process used for one of them, in µs */
async function turn({ redis, receiver, engines }: Block, side: Side, events: number): Promise<number> {
  const { places, sender } = engines[side];
  await redis.reset();
  await submitEvents(places, events);
  await sender.ask('prepare', events);
  await receiver.ask('count', { leadIn: Math.ceil(events * LEAD_IN), total: events });
  await sender.ask('start', undefined);
  await Promise.race([receiver.ask('window', undefined), sender.failed]);
  const { cpuMs } = await sender.ask('stop', undefined);
  return (cpuMs * 1_000) / events;
}
