import { openSync } from 'node:fs';
import type { Profiler } from 'node:inspector';
import { join } from 'node:path';
import { WORKER_FLAGS } from '../../src/supervisor/worker-process.ts';
import { type Child, startChild } from './child.ts';
import {
  type Contender,
  expectAllDone,
  expectAllTaken,
  fill,
  SENDERS,
  type SenderName,
} from './contenders.ts';
import { type PrivateRedis, startPrivateRedis } from './private-redis.ts';
import type {
  IntakeCommands,
  Places,
  ReceiverCommands,
  SenderCommands,
  UndiciApi,
  Window,
} from './protocol.ts';
import type { ReceiverKind } from './receiver-servers.ts';

/** What a turn came to. */
export interface Turned {
  readonly perSecond: number;
  /** What the contender's own process used for one event. */
  readonly cpuMicroseconds: number;
  /** The share of one core that the receiver used; undefined: it had no part in it. */
  readonly receiverBusy: number | undefined;
}

/** A profile of a contender, with the number of events that it covers. */
export interface Profiled {
  readonly profile: Profiler.Profile;
  readonly events: number;
}

/** Redis, the receiver and the contenders, each in a process of its own, ready for turns. */
export interface Arena {
  readonly redisVersion: string;
  /** Measures one contender over so many events. @throws where sent and received differ, or anything fails */
  turn(name: Contender | SenderName, events: number): Promise<Turned>;
  profile(name: SenderName, events: number): Promise<Profiled>;
  close(): Promise<void>;
}

/** Before the clock runs a tenth as many events again are delivered: nobody's start-up is timed. */
const LEAD_IN = 0.1;
const TURN_TIMEOUT_MS = 120_000;

interface Parts {
  readonly redis: PrivateRedis;
  readonly places: Places;
  readonly receiver: Child<ReceiverCommands>;
  readonly senders: ReadonlyMap<SenderName, Child<SenderCommands>>;
  readonly intake: Child<IntakeCommands>;
}

/** Starts all processes. */
export async function openArena(kind: ReceiverKind, undiciApi: UndiciApi): Promise<Arena> {
  const redis = await startPrivateRedis();
  const receiver = startChild<ReceiverCommands>('./receiver.js');
  try {
    const port = await receiver.ask('listen', kind);
    return createArena(redis, receiver, { port, redisSocket: redis.socketPath, undiciApi });
  } catch (error) {
    await receiver.close();
    await redis.close();
    throw error;
  }
}

function createArena(redis: PrivateRedis, receiver: Child<ReceiverCommands>, places: Places): Arena {
  const where = JSON.stringify(places);
  // A service's log goes to a file, and so does the engine's here: writing it is part of the work.
  const log = openSync(join(redis.directory, 'waybill.log'), 'a');
  const senders = new Map(
    SENDERS.map((name) => {
      // As `start` runs its workers; what others run as they like, they run as it comes.
      const flags = name === 'waybill' ? WORKER_FLAGS : [];
      const child = startChild<SenderCommands>('./sender-process.js', {
        args: [name, where],
        flags,
        stdout: log,
      });
      return [name, child];
    }),
  );
  const intake = startChild<IntakeCommands>('./intake-process.js', { args: ['intake', where] });
  const parts: Parts = { redis, places, receiver, senders, intake };
  return {
    redisVersion: redis.version,
    turn: (name, events) => (name === 'intake' ? takeIn(parts, events) : deliver(parts, name, events)),
    profile: (name, events) => profile(parts, name, events),
    async close() {
      await Promise.all([receiver, intake, ...senders.values()].map((child) => child.close()));
      await redis.close();
    },
  };
}

async function takeIn({ redis, intake }: Parts, events: number): Promise<Turned> {
  await redis.reset();
  const { seconds, cpuMs } = await intake.ask('submit', events);
  await expectAllTaken(redis.connection, events);
  return {
    perSecond: events / seconds,
    cpuMicroseconds: (cpuMs * 1_000) / events,
    receiverBusy: undefined,
  };
}

async function deliver(parts: Parts, name: SenderName, events: number): Promise<Turned> {
  const { window, total, cpuMs } = await runTurn(parts, name, events);
  return {
    perSecond: window.events / window.seconds,
    cpuMicroseconds: (cpuMs * 1_000) / total,
    receiverBusy: window.busy,
  };
}

async function profile(parts: Parts, name: SenderName, events: number): Promise<Profiled> {
  const sender = senderOf(parts, name);
  let taken: Profiler.Profile | undefined;
  const { total } = await runTurn(parts, name, events, {
    begin: () => sender.ask('startProfile', undefined),
    end: async () => {
      taken = await sender.ask('stopProfile', undefined);
    },
  });
  if (taken === undefined) throw new Error(`${name}: there is no profile`);
  return { profile: taken, events: total };
}

/** What is done around the sending, inside of a turn. */
interface Around {
  begin(): Promise<void>;
  end(): Promise<void>;
}

async function runTurn(parts: Parts, name: SenderName, events: number, around?: Around) {
  const { redis, places, receiver } = parts;
  const sender = senderOf(parts, name);
  const leadIn = Math.ceil(events * LEAD_IN);
  const total = leadIn + events;
  await redis.reset();
  await fill(name, places, total);
  await sender.ask('prepare', total);
  await receiver.ask('count', { leadIn, total });
  await around?.begin();
  await sender.ask('start', undefined);
  const window = await allReceived(receiver, sender, name, total);
  await around?.end();
  const { cpuMs } = await sender.ask('stop', undefined);
  await expectAllReceived(receiver, name, total);
  await expectAllDone(name, places, redis.connection, total);
  return { window, total, cpuMs };
}

function senderOf({ senders }: Parts, name: SenderName): Child<SenderCommands> {
  const sender = senders.get(name);
  if (sender === undefined) throw new Error(`there is no contender "${name}"`);
  return sender;
}

/** Waits for the last event of a turn, as long as the sender lives, for two minutes at most. */
async function allReceived(
  receiver: Child<ReceiverCommands>,
  sender: Child<SenderCommands>,
  name: SenderName,
  total: number,
): Promise<Window> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, TURN_TIMEOUT_MS, undefined);
  });
  const window = await Promise.race([receiver.ask('window', undefined), sender.failed, late]);
  clearTimeout(timer);
  if (window !== undefined) return window;
  const { received } = await receiver.ask('tally', undefined);
  throw new Error(`${name}: ${received} of ${total} events arrived within ${TURN_TIMEOUT_MS} ms`);
}

async function expectAllReceived(
  receiver: Child<ReceiverCommands>,
  name: SenderName,
  total: number,
): Promise<void> {
  const { received, wrong, firstWrong } = await receiver.ask('tally', undefined);
  if (received !== total) throw new Error(`${name}: ${total} events were sent, ${received} received`);
  if (wrong > 0) throw new Error(`${name}: ${wrong} requests were not as agreed: ${firstWrong}`);
}
