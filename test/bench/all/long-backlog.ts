import { type Child, startChild } from '../child.ts';
import { CLIENT } from '../contenders/waybill-config.ts';
import { type PrivateRedis, startPrivateRedis } from '../private-redis.ts';
import type { ReceiverCommands, SenderCommands } from '../protocol.ts';
import { estimate, pairedRatios } from '../statistics.ts';
import { type Row, rowOfRounds } from './row.ts';
import { configOf, scaled } from './scene.ts';
import { openSubmitter } from './submit.ts';

const LONG = 1_000_000;
const SHORT = 10_000;
const LEAST_LONG = 2_000;
const LEAST_SHORT = 1_000;
/** A turn's share of a short backlog: the rest stays, and so both are measured while some wait. */
const TURN = 0.8;
const LEAD_IN = 0.1;
const ROUNDS = 15;
const LEAST_ROUNDS = 1;

/** A backlog in a Redis of its own, with the number of its events. */
interface Backlog {
  readonly redis: PrivateRedis;
  readonly length: number;
}

/** Throughput with 1,000,000 events waiting ÷ with 10,000. */
export async function measureLongBacklog(scale: number): Promise<Row> {
  const rounds = scaled(ROUNDS, scale, LEAST_ROUNDS);
  const long: Backlog = { redis: await startPrivateRedis(), length: scaled(LONG, scale, LEAST_LONG) };
  const short: Backlog = { redis: await startPrivateRedis(), length: scaled(SHORT, scale, LEAST_SHORT) };
  const events = Math.round(short.length * TURN);
  const receiver = startChild<ReceiverCommands>('./receiver.js');
  const speeds = new Map<Backlog, number[]>([
    [long, []],
    [short, []],
  ]);
  try {
    const port = await receiver.ask('listen', 'bare');
    await fill(long, port, long.length);
    await fill(short, port, short.length);
    // The first round is a warm-up.
    for (let round = 0; round <= rounds; round += 1) {
      for (const backlog of round % 2 === 0 ? [long, short] : [short, long]) {
        const perSecond = await turn(backlog, port, receiver, events);
        if (round > 0) speeds.get(backlog)?.push(perSecond);
      }
    }
  } finally {
    await receiver.close();
    await long.redis.close();
    await short.redis.close();
  }
  const [above = [], below = []] = [speeds.get(long), speeds.get(short)];
  const write = (count: number): string => count.toLocaleString('en-US');
  return rowOfRounds(
    {
      name: `throughput with ${write(long.length)} waiting ÷ with ${write(short.length)}`,
      goal: 0.95,
      floor: 0.85,
      better: 'more',
      detail: `${write(events)} events a turn, the backlog filled up after each; events/s of the latest: ${write(Math.round(above.at(-1) ?? 0))} and ${write(Math.round(below.at(-1) ?? 0))}`,
    },
    estimate(pairedRatios(above, below)),
  );
}

async function fill({ redis }: Backlog, port: number, count: number): Promise<void> {
  const submitter = await openSubmitter(configOf(port, { [CLIENT]: {} }), redis.socketPath);
  await submitter.many(CLIENT, count);
  await submitter.close();
}

async function turn(
  backlog: Backlog,
  port: number,
  receiver: Child<ReceiverCommands>,
  total: number,
): Promise<number> {
  const places = { port, redisSocket: backlog.redis.socketPath, undiciApi: 'request' };
  const sender = startChild<SenderCommands>('./sender-process.js', {
    args: ['waybill', JSON.stringify(places)],
  });
  try {
    await receiver.ask('count', { leadIn: Math.ceil(total * LEAD_IN), total });
    await sender.ask('start', undefined);
    const { events, seconds } = await receiver.ask('window', undefined);
    await sender.ask('stop', undefined);
    const { received } = await receiver.ask('tally', undefined);
    await fill(backlog, port, received);
    return events / seconds;
  } finally {
    await sender.close();
  }
}
