import { setTimeout as pause } from 'node:timers/promises';
import { type Row, rowOfValue } from './row.ts';
import { configOf, type Scene, scaled, withScene } from './scene.ts';

const CLIENTS = 1_000;
/** Before it is measured what an engine uses: until then it starts. */
const SETTLE_MS = 5_000;
const WINDOW_MS = 60_000;
const LEAST_MS = 500;
const MEGABYTE = 1_048_576;

/** What an engine uses that has nothing to do. */
interface Idle {
  readonly rssBytes: number;
  readonly processorShare: number;
  readonly connections: number;
}

/** 1,000 idle clients of two endpoints each in one worker process: memory beyond that of one client, processor, connections. */
export async function measureIdleClients(scale: number): Promise<readonly Row[]> {
  const count = scaled(CLIENTS, scale);
  const windowMs = scaled(WINDOW_MS, scale, LEAST_MS);
  const one = await withScene((scene) => idle(scene, 1, scale));
  const many = await withScene((scene) => idle(scene, count, scale));
  const of = `${count.toLocaleString('en-US')} idle clients`;
  return [
    rowOfValue(
      {
        name: `${of}: memory`,
        goal: 50,
        floor: 100,
        better: 'less',
        unit: 'MB',
        digits: 1,
        detail: 'resident memory of a worker process, beyond that of one with one client',
      },
      (many.rssBytes - one.rssBytes) / MEGABYTE,
    ),
    rowOfValue(
      {
        name: `${of}: processor`,
        goal: 2,
        floor: 4,
        better: 'less',
        unit: '%',
        detail: `of one processor, over ${windowMs / 1_000} s`,
      },
      many.processorShare * 100,
    ),
    rowOfValue(
      {
        name: `${of}: connections`,
        goal: 3,
        floor: 10,
        better: 'less',
        digits: 0,
        detail: 'to Redis, of a worker process',
      },
      many.connections,
    ),
  ];
}

async function idle({ redis, port, startEngine }: Scene, count: number, scale: number): Promise<Idle> {
  const before = await connections(redis.connection);
  const endpoints = { disposition_update: '/dispositions', inventory_receipt: '/receipts' };
  const names = Array.from({ length: count }, (_, n) => [`acme-${n}`, { endpoints }]);
  const engine = await startEngine(configOf(port, Object.fromEntries(names)));
  await pause(scaled(SETTLE_MS, scale, LEAST_MS));
  const windowMs = scaled(WINDOW_MS, scale, LEAST_MS);
  const { cpuMs: began } = await engine.ask('use', true);
  const at = performance.now();
  await pause(windowMs);
  const { cpuMs: ended } = await engine.ask('use', false);
  const ms = performance.now() - at;
  return {
    processorShare: (ended - began) / ms,
    rssBytes: (await engine.ask('use', true)).rssBytes,
    connections: (await connections(redis.connection)) - before,
  };
}

async function connections(redis: Scene['redis']['connection']): Promise<number> {
  return Number(/connected_clients:(\d+)/.exec(await redis.info('clients'))?.[1] ?? Number.NaN);
}
