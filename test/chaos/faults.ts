import { setTimeout as pause } from 'node:timers/promises';
import type { DurableRedis } from './durable-redis.ts';
import type { Disturbance } from './evidence.ts';
import type { Fault, FaultKind } from './plan.ts';
import type { SendLane } from './producers.ts';
import type { Replays } from './replays.ts';
import type { Services } from './services.ts';

/** What faults are done to. */
export interface Victims {
  readonly redis: DurableRedis;
  readonly services: Services;
  readonly lanes: readonly SendLane[];
  readonly replays: Replays;
}

const LOOK_AGAIN_MS = 10;
/** How long a fault waits for a `send` to be under way. */
const PATIENCE_MS = 5_000;

type Deed = (victims: Victims, fault: Fault) => Promise<boolean>;

/** Each resolves when its effect is over: true, or false where there was nothing to do it to. */
const DEEDS: Readonly<Record<FaultKind, Deed>> = {
  async 'kill service'({ services }, { choice, forMs }) {
    const index = services.pick(choice);
    if (index === undefined) return false;
    await services.kill(index);
    await pause(forMs);
    services.start(index);
    return true;
  },
  'freeze service': freezeService,
  'freeze service past its lock': freezeService,
  async 'kill send'({ lanes }, { choice }) {
    const send = await runningSend(lanes, choice);
    send?.kill();
    return send !== undefined;
  },
  async 'freeze send'({ lanes }, { choice, forMs }) {
    const send = await runningSend(lanes, choice);
    if (send === undefined) return false;
    send.process.signal('SIGSTOP');
    await pause(forMs);
    send.process.signal('SIGCONT');
    return true;
  },
  async 'kill replay'({ replays }, { choice }) {
    const { process, atShare } = replays.start();
    await atShare(choice);
    process.signal('SIGKILL');
    await process.ended;
    return true;
  },
  async 'freeze replay'({ replays }, { choice, forMs }) {
    const { process, atShare } = replays.start();
    await atShare(choice);
    process.signal('SIGSTOP');
    // Another one goes over the same dead letters meanwhile.
    await Promise.all([replays.start().process.ended, pause(forMs)]);
    process.signal('SIGCONT');
    await process.ended;
    return true;
  },
  async 'kill redis'({ redis }, { forMs }) {
    await redis.kill();
    await pause(forMs);
    await redis.start();
    return true;
  },
  async 'freeze redis'({ redis }, { forMs }) {
    redis.freeze();
    await pause(forMs);
    redis.thaw();
    return true;
  },
  async 'kill connections'({ redis }) {
    return redis.killConnections().then(
      () => true,
      () => false, // Redis is away just now
    );
  },
};

const LOSES_DELIVERER: ReadonlySet<FaultKind> = new Set(['kill service', 'freeze service past its lock']);
/** What may cost a producer, or an operator's command, an answer of Redis. */
const DISTURBS_REDIS: ReadonlySet<string> = new Set(['kill redis', 'freeze redis', 'kill connections']);

async function freezeService({ services }: Victims, { choice, forMs }: Fault): Promise<boolean> {
  const index = services.pick(choice);
  if (index === undefined) return false;
  services.freeze(index);
  await pause(forMs);
  services.thaw(index);
  return true;
}

/** A `send` in the middle of its work; waits for one. */
async function runningSend(lanes: readonly SendLane[], choice: number) {
  for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_AGAIN_MS) {
    const running = lanes.flatMap((lane) => lane.current() ?? []);
    const send = running[Math.floor(choice * running.length)];
    if (send !== undefined) return send;
    await pause(LOOK_AGAIN_MS);
  }
  return undefined;
}

/** The faults of a run, as they happen. */
export interface FaultRecord {
  /** Those that were carried out, or are under way: these have no end yet. */
  readonly disturbances: readonly Disturbance[];
  /** Whether Redis was out of order at some time since. */
  redisDisturbed(since: number): boolean;
  /** Carries a plan out; resolves when all of it is over. */
  carryOut(plan: readonly Fault[], victims: Victims): Promise<void>;
}

/** Keeps the record of a run. `onFault` is told of each as it begins. */
export function createFaultRecord(onFault: (fault: Fault) => void): FaultRecord {
  const disturbances: { kind: FaultKind; at: number; until: number; losesDeliverer: boolean }[] = [];

  async function one(fault: Fault, victims: Victims): Promise<void> {
    await pause(fault.at);
    onFault(fault);
    const { kind } = fault;
    const at = Date.now();
    const entry = { kind, at, until: Number.POSITIVE_INFINITY, losesDeliverer: LOSES_DELIVERER.has(kind) };
    disturbances.push(entry);
    const done = await DEEDS[kind](victims, fault);
    // A killed process is gone at once; that it comes back later disturbs nobody.
    entry.until = kind === 'kill service' ? at : Date.now();
    if (!done) disturbances.splice(disturbances.indexOf(entry), 1);
  }

  return {
    disturbances,
    redisDisturbed: (since) =>
      disturbances.some(({ kind, until }) => DISTURBS_REDIS.has(kind) && until >= since),
    async carryOut(plan, victims) {
      await Promise.all(plan.map((fault) => one(fault, victims)));
    },
  };
}
