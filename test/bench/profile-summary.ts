import type { Profiler } from 'node:inspector';

/*
 * Where the time of a process went, from a profile of V8's sampling profiler. Time in Node's own code and in native
 * code is shown as such, and once more under whoever called it, as far as the stack tells: a write to a socket
 * belongs to the HTTP client or to the Redis client.
 */

/** Whose code it is. */
export const GROUPS = [
  'http client',
  'redis client (ioredis, bullmq)',
  'engine',
  'other packages',
  'benchmark',
  'node internals',
  'GC',
] as const;
export type Group = (typeof GROUPS)[number];

/** One function's own time, without what it calls. */
export interface FunctionTime {
  readonly name: string;
  /** File and line, short. */
  readonly where: string;
  readonly group: Group;
  readonly selfMicroseconds: number;
}

/** One group's time. */
export interface GroupTime {
  readonly group: Group;
  readonly selfMicroseconds: number;
  /** Its own, and that of the Node internals that it called. */
  readonly withNodeMicroseconds: number;
}

/** Where the time went; idle time apart from the rest. */
export interface ProfileSummary {
  readonly busyMicroseconds: number;
  readonly idleMicroseconds: number;
  readonly groups: readonly GroupTime[];
  /** By their own time, longest first. */
  readonly functions: readonly FunctionTime[];
}

const REDIS_PACKAGES =
  /\/node_modules\/(?:ioredis|@ioredis|redis-parser|redis-errors|bullmq|denque|cluster-key-slot|standard-as-callback|msgpackr)\//;

function groupOf({ functionName, url }: Profiler.ProfileNode['callFrame']): Group {
  if (functionName === '(garbage collector)') return 'GC';
  // Ours, and that of the contenders.
  if (/\/dist\/src\/http\/|\/node_modules\/undici\/|^wasm:/.test(url)) return 'http client';
  if (REDIS_PACKAGES.test(url)) return 'redis client (ioredis, bullmq)';
  if (url.includes('/node_modules/')) return 'other packages';
  if (url.includes('/test/bench/')) return 'benchmark';
  return url.startsWith('file:') ? 'engine' : 'node internals';
}

/** Adds a profile up. */
export function summarize(profile: Profiler.Profile): ProfileSummary {
  const self = selfTimes(profile);
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const functions = new Map<string, FunctionTime>();
  const groups = new Map<Group, { self: number; withNode: number }>(
    GROUPS.map((group) => [group, { self: 0, withNode: 0 }]),
  );
  let idle = 0;
  let busy = 0;
  for (const [id, owner] of owners(profile)) {
    const time = self.get(id) ?? 0;
    const frame = nodes.get(id)?.callFrame;
    if (time === 0 || frame === undefined) continue;
    if (frame.functionName === '(idle)') {
      idle += time;
      continue;
    }
    busy += time;
    const group = groupOf(frame);
    addTo(groups, group, time, 0);
    addTo(groups, owner, 0, time);
    const where = whereOf(frame);
    const key = `${frame.functionName} ${where}`;
    const selfMicroseconds = (functions.get(key)?.selfMicroseconds ?? 0) + time;
    functions.set(key, { name: frame.functionName || '(anonymous)', where, group, selfMicroseconds });
  }
  return {
    busyMicroseconds: busy,
    idleMicroseconds: idle,
    groups: [...groups].map(([group, { self: own, withNode }]) => ({
      group,
      selfMicroseconds: own,
      withNodeMicroseconds: withNode,
    })),
    functions: [...functions.values()].sort((a, b) => b.selfMicroseconds - a.selfMicroseconds),
  };
}

function addTo(
  groups: Map<Group, { self: number; withNode: number }>,
  group: Group,
  self: number,
  withNode: number,
): void {
  const sums = groups.get(group);
  if (sums === undefined) return;
  sums.self += self;
  sums.withNode += withNode;
}

/** The time between two samples belongs to the node of the earlier one. */
function selfTimes({ samples = [], timeDeltas = [] }: Profiler.Profile): Map<number, number> {
  const times = new Map<number, number>();
  samples.forEach((id, index) => {
    times.set(id, (times.get(id) ?? 0) + Math.max(0, timeDeltas[index + 1] ?? 0));
  });
  return times;
}

/** The group that each node's time is charged to: its own, or for Node's internals that of their caller. */
function owners({ nodes }: Profiler.Profile): Map<number, Group> {
  const parents = new Map(
    nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  );
  const groups = new Map(nodes.map(({ id, callFrame }) => [id, groupOf(callFrame)]));
  return new Map(
    nodes.map(({ id }) => {
      let at: number | undefined = id;
      while (at !== undefined && groups.get(at) === 'node internals') at = parents.get(at);
      return [id, (at === undefined ? undefined : groups.get(at)) ?? 'node internals'];
    }),
  );
}

function whereOf({ url, lineNumber }: Profiler.ProfileNode['callFrame']): string {
  if (url === '') return '(native)';
  const short = url.replace(/^.*\/node_modules\//, '').replace(/^file:.*\/(?:dist|out)\//, '');
  return `${short.replace(/^file:\/\/.*\/(?=src\/|test\/)/, '')}:${lineNumber + 1}`;
}
