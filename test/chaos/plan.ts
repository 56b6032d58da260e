/**
 * What can be done to a run. A service is all of its processes: a supervisor, and workers, which deliver. The
 * endpoint is the client's: it refuses connections, answers 503 beyond a rate, or answers nothing for a while.
 */
export const FAULT_KINDS = [
  'kill service',
  'kill supervisor',
  'kill worker',
  'freeze service',
  'freeze worker',
  'freeze worker past its lock',
  'kill send',
  'freeze send',
  'kill replay',
  'freeze replay',
  'kill redis',
  'freeze redis',
  'move slot',
  'kill connections',
  'endpoint refuses',
  'endpoint answers 503',
  'endpoint hangs',
] as const;

/** One Redis, a master with replicas and sentinels, or a Cluster. */
export type RedisKind = 'one' | 'sentinel' | 'cluster';

/** The kinds of faults that a run has. */
export function faultKinds(redis: RedisKind): FaultKind[] {
  return FAULT_KINDS.filter((kind) => kind !== 'move slot' || redis === 'cluster');
}

/** One of {@link FAULT_KINDS}. */
export type FaultKind = (typeof FAULT_KINDS)[number];

/** One fault of a plan. */
export interface Fault {
  readonly kind: FaultKind;
  /** ms since the run began */
  readonly at: number;
  /** How long the process is frozen, or gone before it is started again; ms. */
  readonly forMs: number;
  /** In [0, 1): which of several processes, or when in the life of a short one. */
  readonly choice: number;
}

/** A lock lasts 30 s, and is renewed when 5 to 10 s of it are gone. */
const PAST_LOCK_MS = 33_000;
/** The first fault comes when there is something to disturb. */
const FIRST_AT_MS = 1_500;

/** How long each fault lasts, from and to, and how often it is drawn. */
const SHAPES: Readonly<Record<FaultKind, readonly [from: number, to: number, weight: number]>> = {
  'kill service': [200, 2_000, 2],
  'kill supervisor': [200, 2_000, 2],
  'kill worker': [0, 0, 3],
  'freeze service': [500, 3_000, 1],
  'freeze worker': [500, 3_000, 2],
  'freeze worker past its lock': [PAST_LOCK_MS, 40_000, 1],
  'kill send': [0, 0, 3],
  'freeze send': [500, 4_000, 2],
  'kill replay': [0, 0, 3],
  'freeze replay': [500, 4_000, 2],
  'kill redis': [100, 1_500, 2],
  'freeze redis': [1_000, 10_000, 2],
  'move slot': [0, 0, 3],
  'kill connections': [0, 0, 3],
  'endpoint refuses': [500, 8_000, 2],
  'endpoint answers 503': [500, 6_000, 2],
  // With a slow event before it, less than workers without a supervisor have for their requests.
  'endpoint hangs': [1_000, 5_000, 2],
};

/** A replica is to take over meanwhile: before that, a master that comes back would be master still. */
const FAILOVER_MS = [8_000, 12_000] as const;

const PAUSE_MS = 8_000;
const ENDPOINT_PAUSE_MS = 3_000;
/** Workers without a supervisor have ten seconds for their requests, and five to write down what came of them. */
const ENDING_MS = 15_000;

/**
 * Faults of one lane come one after another. Two that keep locks from being renewed, or results from being
 * written down, would together rightly cost a worker its locks, or what it could not write; and the endpoint does
 * one thing at a time.
 */
function laneOf(
  kind: FaultKind,
  forMs: number,
): { readonly lane: 'writing' | 'long freeze' | 'endpoint'; busyMs: number } | undefined {
  switch (kind) {
    case 'freeze service':
    case 'freeze worker':
    case 'kill redis':
    case 'freeze redis':
    case 'move slot':
      return { lane: 'writing', busyMs: forMs + PAUSE_MS };
    case 'kill supervisor':
      return { lane: 'writing', busyMs: ENDING_MS };
    case 'freeze worker past its lock':
      return { lane: 'long freeze', busyMs: forMs + PAUSE_MS };
    case 'endpoint refuses':
    case 'endpoint answers 503':
    case 'endpoint hangs':
      return { lane: 'endpoint', busyMs: forMs + ENDPOINT_PAUSE_MS };
    default:
      return undefined;
  }
}

/** Draws the faults of a run of so many seconds; the same numbers make the same plan. */
export function drawPlan(seconds: number, random: () => number, redis: RedisKind = 'one'): Fault[] {
  const endAt = seconds * 1_000;
  const faults: Fault[] = [];
  const freeAt = { writing: 0, 'long freeze': 0, endpoint: 0 };
  for (let at = FIRST_AT_MS; at < endAt; at += 700 + random() * 3_000) {
    const kind = drawKind(random(), faultKinds(redis));
    const isFailover = redis !== 'one' && (kind === 'kill redis' || kind === 'freeze redis');
    const [from, to] = isFailover ? FAILOVER_MS : SHAPES[kind];
    const forMs = Math.round(from + random() * (to - from));
    const choice = random();
    if (at + forMs > endAt) continue;
    const held = laneOf(kind, forMs);
    if (held !== undefined) {
      if (at < freeAt[held.lane]) continue;
      freeAt[held.lane] = at + held.busyMs;
    }
    faults.push({ kind, at: Math.round(at), forMs, choice });
  }
  return faults;
}

function drawKind(chance: number, kinds: readonly FaultKind[]): FaultKind {
  const sum = kinds.reduce((total, kind) => total + SHAPES[kind][2], 0);
  let rest = chance * sum;
  for (const kind of kinds) {
    rest -= SHAPES[kind][2];
    if (rest < 0) return kind;
  }
  return 'kill connections';
}

/**
 * Each kind once, in a quarter of a minute. The worker that is frozen stays so past its lock while the end of
 * the run waits for what the killed ones held; both take as long.
 */
const FIXED_PLAN: readonly Fault[] = [
  { kind: 'kill service', at: 1_000, forMs: 300, choice: 0 },
  { kind: 'freeze worker past its lock', at: 1_600, forMs: 32_000, choice: 0.9 },
  { kind: 'endpoint hangs', at: 1_900, forMs: 800, choice: 0 },
  { kind: 'kill send', at: 2_500, forMs: 0, choice: 0.5 },
  { kind: 'kill worker', at: 3_300, forMs: 0, choice: 0 },
  { kind: 'freeze send', at: 4_000, forMs: 1_000, choice: 0.5 },
  { kind: 'endpoint refuses', at: 4_500, forMs: 3_000, choice: 0 },
  { kind: 'kill connections', at: 5_500, forMs: 0, choice: 0.5 },
  { kind: 'kill replay', at: 6_500, forMs: 0, choice: 0.6 },
  { kind: 'freeze redis', at: 7_500, forMs: 1_500, choice: 0.5 },
  { kind: 'freeze replay', at: 9_500, forMs: 1_000, choice: 0.7 },
  { kind: 'endpoint answers 503', at: 10_300, forMs: 900, choice: 0 },
  { kind: 'freeze service', at: 11_000, forMs: 500, choice: 0 },
  { kind: 'freeze worker', at: 11_800, forMs: 500, choice: 0.4 },
  { kind: 'kill redis', at: 12_500, forMs: 300, choice: 0.5 },
  { kind: 'kill supervisor', at: 14_500, forMs: 300, choice: 0 },
];

/** What matters where another server takes over, which takes some seconds; the rest is as with one Redis. */
const FAILOVER_PLAN: readonly Fault[] = [
  { kind: 'kill send', at: 2_000, forMs: 0, choice: 0.5 },
  { kind: 'kill connections', at: 3_000, forMs: 0, choice: 0.5 },
  { kind: 'freeze redis', at: 4_000, forMs: 8_000, choice: 0.5 },
  { kind: 'kill replay', at: 14_000, forMs: 0, choice: 0.6 },
  { kind: 'move slot', at: 16_000, forMs: 0, choice: 0 },
  { kind: 'kill redis', at: 21_000, forMs: 8_000, choice: 0.5 },
];

/** Each kind once, and how long producers work at the least. */
export function fixedPlan(redis: RedisKind): { readonly plan: readonly Fault[]; readonly seconds: number } {
  if (redis === 'one') return { plan: FIXED_PLAN, seconds: 15 };
  const kinds = faultKinds(redis);
  return { plan: FAILOVER_PLAN.filter(({ kind }) => kinds.includes(kind)), seconds: 31 };
}
