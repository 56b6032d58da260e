import { openSync } from 'node:fs';
import { join } from 'node:path';
import { WORKER_FLAGS } from '../../../src/supervisor/worker-process.ts';
import { type Child, startChild } from '../child.ts';
import { submitEvents } from '../contenders/intake.ts';
import { type PrivateRedis, startPrivateRedis } from '../private-redis.ts';
import type { Places, ReceiverCommands, SenderCommands } from '../protocol.ts';
import { estimate, median, pairedRatios } from '../statistics.ts';
import { timeGate } from './gate-loop.ts';
import { type Row, rowOfRounds } from './row.ts';
import { scaled } from './scene.ts';

const PACES = ['adaptive', 'fixed'] as const;
type Pace = (typeof PACES)[number];

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
const GATE_EVENTS = 1_000_000;
const GATE_ROUNDS = 9;

/** A Redis, an endpoint and an engine of each pace. */
interface Block {
  readonly redis: PrivateRedis;
  readonly receiver: Child<ReceiverCommands>;
  readonly engines: Readonly<Record<Pace, { places: Places; sender: Child<SenderCommands> }>>;
}

/** What a pace costs that holds nothing back: processor time per event, adaptive ÷ fixed; and the gate alone. */
export async function measurePaceHealthy(scale: number): Promise<readonly Row[]> {
  const ratios: number[] = [];
  let latest = { adaptive: Number.NaN, fixed: Number.NaN };
  for (let block = scaled(BLOCKS, scale, LEAST_BLOCKS); block > 0; block -= 1) {
    const found = await runBlock(scale);
    ratios.push(median(pairedRatios(found.adaptive, found.fixed)));
    latest = { adaptive: median(found.adaptive), fixed: median(found.fixed) };
  }
  return [
    rowOfRounds(
      {
        name: 'healthy endpoint: processor time per event, adaptive ÷ fixed',
        goal: 1,
        floor: 1.03,
        better: 'less',
        digits: 3,
        detail: `${ratios.length} blocks in processes of their own, turns of ${scaled(EVENTS, scale, LEAST_EVENTS).toLocaleString('en-US')} events; µs of the latest block: ${latest.adaptive.toFixed(1)} and ${latest.fixed.toFixed(1)}`,
      },
      estimate(ratios),
    ),
    measureGate(scale),
  ];
}

function measureGate(scale: number): Row {
  const events = scaled(GATE_EVENTS, scale, LEAST_EVENTS);
  timeGate(events); // warm-up
  return rowOfRounds(
    {
      name: 'gate in open: one event',
      goal: 0.3,
      floor: 0.3,
      better: 'less',
      unit: 'µs',
      digits: 3,
      detail: `acquired and released, ${events.toLocaleString('en-US')} one after another`,
    },
    estimate(Array.from({ length: GATE_ROUNDS }, () => timeGate(events))),
  );
}

/** Processor time per event in the rounds of one block, in µs; what stands at one index was measured together. */
async function runBlock(scale: number): Promise<Record<Pace, number[]>> {
  const found: Record<Pace, number[]> = { adaptive: [], fixed: [] };
  const block = await openBlock();
  try {
    for (const pace of PACES) await turn(block, pace, scaled(WARM_UP_EVENTS, scale, LEAST_EVENTS));
    for (let round = 0; round < scaled(ROUNDS, scale, LEAST_ROUNDS); round += 1) {
      for (const pace of round % 2 === 0 ? PACES : PACES.toReversed()) {
        found[pace].push(await turn(block, pace, scaled(EVENTS, scale, LEAST_EVENTS)));
      }
    }
    return found;
  } finally {
    const { redis, receiver, engines } = block;
    await Promise.all([receiver, ...PACES.map((pace) => engines[pace].sender)].map((child) => child.close()));
    await redis.close();
  }
}

async function openBlock(): Promise<Block> {
  const redis = await startPrivateRedis();
  const receiver = startChild<ReceiverCommands>('./receiver.js');
  const port = await receiver.ask('listen', 'bare');
  const stdout = openSync(join(redis.directory, 'waybill.log'), 'a');
  const engine = (pace: Pace) => {
    const places: Places = { port, redisSocket: redis.socketPath, undiciApi: 'request', pace };
    const args = ['waybill', JSON.stringify(places)];
    const sender = startChild<SenderCommands>('./sender-process.js', { args, flags: WORKER_FLAGS, stdout });
    return { places, sender };
  };
  return { redis, receiver, engines: { adaptive: engine('adaptive'), fixed: engine('fixed') } };
}

/** Delivers so many events. @returns what the engine's process used for one of them, in µs */
async function turn({ redis, receiver, engines }: Block, pace: Pace, events: number): Promise<number> {
  const { places, sender } = engines[pace];
  await redis.reset();
  await submitEvents(places, events);
  await sender.ask('prepare', events);
  await receiver.ask('count', { leadIn: Math.ceil(events * LEAD_IN), total: events });
  await sender.ask('start', undefined);
  await Promise.race([receiver.ask('window', undefined), sender.failed]);
  const { cpuMs } = await sender.ask('stop', undefined);
  return (cpuMs * 1_000) / events;
}
