import { measureBlackHole } from './black-hole.ts';
import { measureConsole } from './console.ts';
import { measureFairness } from './fairness.ts';
import { measureIdleClients } from './idle-clients.ts';
import { measureLatency } from './latency.ts';
import { measureListing } from './listing.ts';
import { measureLongBacklog } from './long-backlog.ts';
import { measurePaceHealthy } from './pace-healthy.ts';
import { measurePaceOutage } from './pace-outage.ts';
import { measurePaceOverload } from './pace-overload.ts';
import { measureRedisMemory } from './redis-memory.ts';
import { measureReplay } from './replay.ts';
import type { Measure } from './row.ts';
import { measureCluster, measureReplicatedIntake } from './several-redis.ts';
import { measureStaticHeaders } from './static-headers.ts';

/** Everything that `--all` measures, by the names that `--measure` takes, in the order of the table. */
export const MEASURES: Readonly<Record<string, Measure>> = {
  latency: measureLatency,
  'long-backlog': measureLongBacklog,
  'redis-memory': measureRedisMemory,
  'black-hole': measureBlackHole,
  fairness: measureFairness,
  'idle-clients': measureIdleClients,
  replay: measureReplay,
  listing: measureListing,
  'pace-healthy': measurePaceHealthy,
  'pace-overload': measurePaceOverload,
  'pace-outage': measurePaceOutage,
  'static-headers': measureStaticHeaders,
  'replicated-intake': measureReplicatedIntake,
  cluster: measureCluster,
  console: measureConsole,
};
