import { v7 as uuidv7 } from 'uuid';
import { expect, onTestFinished, test } from 'vitest';
import type { Batch, StoredEvent } from '../../src/core/event.ts';
import { seededRandom } from '../../src/core/random.ts';
import { type FinishedEvent, planSettlement } from '../../src/core/settlement.ts';
import { admit, restoreEvents } from '../../src/queue/admit.ts';
import { createBatchWorkers } from '../../src/queue/batch-workers.ts';
import { discardDeadLetters, readDeadLetters, replayDeadLetters } from '../../src/queue/dead-letters.ts';
import { endpointPrefix } from '../../src/queue/names.ts';
import { setPaused } from '../../src/queue/pause-client.ts';
import type { SettleAction } from '../../src/queue/settle.ts';
import { settle } from '../../src/queue/settle.ts';
import type { TakenBatch } from '../../src/queue/take.ts';
import { readView } from '../support/client-view.ts';
import { testRedis, uniqueClientName } from '../support/redis.ts';
import { countByHand, countsOf } from './support/count-by-hand.ts';

const TYPES = ['disposition_update', 'inventory_receipt'] as const;
const LOCK = { durationMs: 600_000, stalledIntervalMs: 600_000 };
const MOST_FAILURES = 3;
const STEPS = 150;

/** The counter of each outcome. */
const NAMES = {
  delivered: (type: string) => `delivered:${type}:200`,
  dead: (type: string) => `dead:${type}:server_error`,
  retry: (type: string) => `failed:${type}:server_error`,
};

/** One endpoint of a client whose events a test moves by itself. */
async function openEndpoint(client: string, type: string, int: (below: number) => number) {
  const redis = testRedis({ maxRetriesPerRequest: null });
  const endpoint = { client, type };
  const shared = createBatchWorkers({ redis, lock: LOCK, onError: () => {}, now: Date.now });
  const worker = shared.create(endpoint, { onLockLost() {}, onStalled() {}, onVerdict() {}, onWaits() {} });
  onTestFinished(() => worker.close());
  await worker.start();
  // It does not wait for work.
  worker.interrupt();
  const open: TakenBatch[] = [];
  const known: StoredEvent[] = [];
  const now = Date.now();

  /** A new event, or, as a restored export may bring it, one that is known: on its way, delivered or dead. */
  function someEvent(): StoredEvent {
    const copy = int(4) === 0 ? known[int(known.length)] : undefined;
    if (copy !== undefined) return copy;
    const event = { id: uuidv7(), type, unit: 'u', body: '{}' };
    known.push(event);
    return event;
  }
  const someEvents = (): StoredEvent[] => Array.from({ length: 1 + int(6) }, someEvent);

  function attempt(event: StoredEvent): FinishedEvent | undefined {
    const { history = [] } = event;
    const failed: StoredEvent = { ...event, history: [...history, [now, 503, 'server_error', 1]] };
    const dies = history.length >= MOST_FAILURES || int(3) === 0;
    const results: (FinishedEvent | undefined)[] = [
      undefined,
      { event, outcome: { kind: 'delivered', status: 200 } },
      { event: failed, outcome: dies ? { kind: 'dead' } : { kind: 'retry', dueAt: now - int(1_000) } },
    ];
    return results[int(results.length)];
  }

  /** What becomes of a batch of which any part was attempted: it is kept, delayed, put back, split or completed. */
  function planOf(events: readonly StoredEvent[]) {
    const results = new Map(events.map((event) => [event, attempt(event)]));
    const finished = [...results.values()].filter((result) => result !== undefined);
    const unfinished = [...results].filter(([, result]) => result === undefined).map(([event]) => event);
    const plan = planSettlement(finished, unfinished);
    const alone = unfinished.map((event) => ({ event, dueAt: now }));
    const isSplit = unfinished.length > 0 && int(4) === 0;
    const settlement = isSplit ? { ...plan, apart: [...plan.apart, ...alone], stay: [] } : plan;
    const ways: SettleAction[] = unfinished.length > 0 ? ['keep', 'delay', 'put_back'] : ['delay'];
    const action = settlement.stay.length === 0 ? 'complete' : (ways[int(ways.length)] ?? 'delay');
    return { action, settlement, finished, counters: countersOf(finished) };
  }

  function countersOf(finished: readonly FinishedEvent[]): Map<string, number> {
    const names = finished.map(({ outcome }) => NAMES[outcome.kind](type));
    return new Map(names.map((name) => [name, names.filter((other) => other === name).length]));
  }

  /** Settles an open batch by its lock, or by one that is lost; an answer may be lost, and it is sent again. */
  async function settleOne(): Promise<void> {
    const [job] = open.splice(int(open.length), 1);
    if (job === undefined) return;
    const plan = planOf((job.data as Batch).events);
    const isLost = int(8) === 0;
    const command = { jobId: job.id, token: isLost ? 'lost' : job.token, now, ...plan };
    const name = uuidv7();
    for (const _ of int(3) === 0 ? ['once', 'again'] : ['once']) await settle(redis, endpoint, command, name);
    if (isLost) open.push(job);
    else if (plan.action === 'keep') open.push({ ...job, data: { events: plan.settlement.stay } });
    else worker.letGo(job);
  }

  async function loseProcess(): Promise<void> {
    const [job] = open.splice(int(open.length), 1);
    if (job === undefined) return;
    worker.letGo(job);
    const prefix = endpointPrefix(endpoint);
    await redis.del(`${prefix}${job.id}:lock`);
    for (const _ of ['noted', 'taken away']) {
      await redis.del(`${prefix}stalled-check`);
      await worker.lookForLost();
    }
  }

  async function letters(): Promise<StoredEvent[]> {
    const all: StoredEvent[] = [];
    for await (const page of readDeadLetters(redis, client)) all.push(...page);
    return all.filter(() => int(2) === 0);
  }

  async function take(): Promise<void> {
    const job = await worker.take();
    if (job !== undefined) open.push(job);
  }

  async function admitSome(): Promise<void> {
    const batch = { id: uuidv7(), events: someEvents() };
    // An answer may be lost, and the batch be sent again.
    for (const _ of int(3) === 0 ? ['once', 'twice'] : ['once']) await admit(redis, endpoint, [batch], now);
  }

  async function failOne(): Promise<void> {
    const [job] = open.splice(int(open.length), 1);
    await job?.fail('broken');
    if (job !== undefined) worker.letGo(job);
  }

  const acts: (() => Promise<unknown>)[] = [
    ...[admitSome, take, take, take, settleOne, settleOne, settleOne, loseProcess],
    () => (int(5) === 0 ? failOne() : take()),
    async () => replayDeadLetters(redis, client, uuidv7(), await letters(), now),
    async () => int(3) === 0 && discardDeadLetters(redis, client, await letters()),
    async () => int(3) === 0 && restoreEvents(redis, endpoint, uuidv7(), someEvents(), now),
    () => setPaused(redis, client, int(3) === 0, now),
  ];
  return { redis, act: () => acts[int(acts.length)]?.() };
}

test.each([1, 2, 3, 4, 5, 6])(
  'whatever becomes of events, the counters say what a count of all jobs says: seed %i',
  async (seed) => {
    const random = seededRandom(seed);
    const int = (below: number): number => Math.floor(random() * below);
    const client = uniqueClientName();
    const endpoints = await Promise.all(TYPES.map((type) => openEndpoint(client, type, int)));
    for (let step = 0; step < STEPS; step += 1) {
      await endpoints[int(endpoints.length)]?.act();
      const [redis] = endpoints.map((endpoint) => endpoint.redis);
      if (redis === undefined) throw new Error('there is no endpoint');
      const view = await readView(redis, client);
      for (const type of TYPES) {
        expect(countsOf(view, type), `after step ${step}`).toEqual(await countByHand(redis, client, type));
      }
    }
  },
);
