import { setTimeout as pause } from 'node:timers/promises';
import type { Child } from '../bench/child.ts';
import type { DurableRedis } from './durable-redis.ts';
import type { Disturbance } from './evidence.ts';
import type { Fault, FaultKind } from './plan.ts';
import type { SendLane } from './producers.ts';
import type { Behaviour, JudgeCommands } from './protocol.ts';
import type { Replays } from './replays.ts';
import type { Services } from './services.ts';

/** What faults are done to. */
export interface Victims {
  readonly redis: DurableRedis;
  readonly services: Services;
  readonly lanes: readonly SendLane[];
  readonly replays: Replays;
  readonly endpoint: Child<JudgeCommands>;
}

const LOOK_AGAIN_MS = 10;
/** How long a fault waits for somebody to do it to: a `send` under way, a worker or a service that is up. */
const PATIENCE_MS = 20_000;

/**
 * Resolves when its effect is over: with how many processes that deliver were lost by it, or lost their locks;
 * undefined where there was nothing to do it to.
 */
type Deed = (victims: Victims, fault: Fault) => Promise<number | undefined>;

const DEEDS: Readonly<Record<FaultKind, Deed>> = {
  async 'kill service'({ services }, { choice, forMs }) {
    const index = await somebody(() => services.pick(choice));
    if (index === undefined) return undefined;
    const lost = services.kill(index);
    await pause(forMs);
    services.start(index);
    return lost;
  },
  async 'kill supervisor'({ services }, { choice, forMs }) {
    const index = await somebody(() => services.pick(choice));
    if (index === undefined) return undefined;
    services.killSupervisor(index);
    await pause(forMs);
    services.start(index);
    return 0;
  },
  async 'kill worker'({ services }, { choice }) {
    const worker = await somebody(() => services.pickWorker(choice));
    if (worker === undefined) return undefined;
    services.killWorker(worker);
    return 1;
  },
  async 'freeze service'({ services }, { choice, forMs }) {
    const index = await somebody(() => services.pick(choice));
    if (index === undefined) return undefined;
    services.freeze(index);
    await pause(forMs);
    services.thaw(index);
    return 0;
  },
  'freeze worker': async (victims, fault) => ((await freezeWorker(victims, fault)) ? 0 : undefined),
  'freeze worker past its lock': async (victims, fault) =>
    (await freezeWorker(victims, fault)) ? 1 : undefined,
  async 'kill send'({ lanes }, { choice }) {
    const send = await runningSend(lanes, choice);
    send?.kill();
    return send === undefined ? undefined : 0;
  },
  async 'freeze send'({ lanes }, { choice, forMs }) {
    const send = await runningSend(lanes, choice);
    if (send === undefined) return undefined;
    send.process.signal('SIGSTOP');
    await pause(forMs);
    send.process.signal('SIGCONT');
    return 0;
  },
  async 'kill replay'({ replays }, { choice }) {
    const { process, atShare } = replays.start();
    await atShare(choice);
    process.signal('SIGKILL');
    await process.ended;
    return 0;
  },
  async 'freeze replay'({ replays }, { choice, forMs }) {
    const { process, atShare } = replays.start();
    await atShare(choice);
    process.signal('SIGSTOP');
    // Another one goes over the same dead letters meanwhile.
    await Promise.all([replays.start().process.ended, pause(forMs)]);
    process.signal('SIGCONT');
    await process.ended;
    return 0;
  },
  async 'kill redis'({ redis, services }, { forMs }) {
    await redis.kill();
    await pause(forMs);
    await redis.start();
    return redis.mayLoseSettlements ? services.deliverers : 0;
  },
  async 'freeze redis'({ redis, services }, { forMs }) {
    await redis.freeze();
    await pause(forMs);
    redis.thaw();
    return redis.mayLoseSettlements ? services.deliverers : 0;
  },
  async 'move slot'({ redis }) {
    await redis.moveSlot?.();
    return redis.moveSlot === undefined ? undefined : 0;
  },
  async 'kill connections'({ redis }) {
    return redis.killConnections().then(
      () => 0,
      () => undefined, // Redis is away just now
    );
  },
  'endpoint refuses': (victims, fault) => misbehave(victims, 'refuse', fault),
  'endpoint answers 503': (victims, fault) => misbehave(victims, 'answer 503', fault),
  'endpoint hangs': (victims, fault) => misbehave(victims, 'hang', fault),
};

/** A killed process is gone at once; that it comes back later disturbs nobody. */
const OF_A_MOMENT: ReadonlySet<FaultKind> = new Set(['kill service', 'kill worker']);
/** What may cost a producer, or an operator's command, an answer of Redis. */
const DISTURBS_REDIS: ReadonlySet<string> = new Set([
  'kill redis',
  'freeze redis',
  'move slot',
  'kill connections',
]);

async function misbehave({ endpoint }: Victims, how: Behaviour, { forMs }: Fault): Promise<number> {
  await endpoint.ask('behave', how);
  await pause(forMs);
  await endpoint.ask('behave', 'well');
  return 0;
}

async function freezeWorker({ services }: Victims, { choice, forMs }: Fault): Promise<boolean> {
  const worker = await somebody(() => services.pickWorker(choice));
  if (worker === undefined) return false;
  services.freezeWorker(worker);
  await pause(forMs);
  services.thawWorker(worker);
  return true;
}

/** A `send` in the middle of its work; waits for one. */
function runningSend(lanes: readonly SendLane[], choice: number) {
  return somebody(() => {
    const running = lanes.flatMap((lane) => lane.current() ?? []);
    return running[Math.floor(choice * running.length)];
  });
}

/** Looks for a victim until there is one, or patience ends. */
async function somebody<Victim>(find: () => Victim | undefined): Promise<Victim | undefined> {
  for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_AGAIN_MS) {
    const found = find();
    if (found !== undefined) return found;
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
  const disturbances: { kind: FaultKind; at: number; until: number; losesDeliverers: number }[] = [];

  async function one(fault: Fault, victims: Victims): Promise<void> {
    await pause(fault.at);
    onFault(fault);
    const { kind } = fault;
    const at = Date.now();
    const entry = { kind, at, until: Number.POSITIVE_INFINITY, losesDeliverers: 0 };
    disturbances.push(entry);
    const lost = await DEEDS[kind](victims, fault);
    entry.until = OF_A_MOMENT.has(kind) ? at : Date.now();
    if (lost === undefined) disturbances.splice(disturbances.indexOf(entry), 1);
    else entry.losesDeliverers = lost;
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
