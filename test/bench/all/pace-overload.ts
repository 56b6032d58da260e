import { startChild } from '../child.ts';
import type { LimitedEndpointCommands } from './protocol.ts';
import { deliveredPerSecond, sumUp } from './request-counts.ts';
import { type Row, rowOfValue } from './row.ts';
import { configOf, type Scene, scaled, withScene } from './scene.ts';
import { openSubmitter } from './submit.ts';
import { untilThrough } from './until-through.ts';

const CLIENT = 'acme';
const EVENTS = 30_000;
const LEAST_EVENTS = 30;
/** 300/s. */
const ENDPOINT = { atOnce: 12, workMs: 40, queued: 50 };
const PER_SECOND = (ENDPOINT.atOnce * 1_000) / ENDPOINT.workMs;
const SLOTS = 128;
const PROCESSES = [1, 4];
/** The first seconds, in which it finds the rate out, do not count. */
const FROM_SECOND = 10;
/** Up to this share: the last events wait for their retries. */
const SHARE = 0.9;
/** So many are through before it is said that none is dead. */
const ENOUGH = 0.99;
/** Twice what the endpoint alone takes. */
const LIMIT_MS = 200_000;
const LEAST_MS = 5_000;

/** What came of one run. */
interface Overload {
  readonly requests: number;
  readonly delivered: number;
  readonly dead: number;
  readonly perSecond: number;
  readonly seconds: number;
}

/** A backlog for an endpoint that serves 300/s and answers 503 beyond: 128 slots over one process, and over four. */
export async function measurePaceOverload(scale: number): Promise<readonly Row[]> {
  const events = scaled(EVENTS, scale, LEAST_EVENTS);
  const rows: Row[] = [];
  for (const processes of PROCESSES) {
    const found = await withScene((scene) => overload(scene, processes, events, scale));
    rows.push(...rowsOf(found, processes, events));
  }
  return rows;
}

function rowsOf(found: Overload, processes: number, events: number): Row[] {
  const { requests, delivered, dead, perSecond, seconds } = found;
  const name = `overload, ${processes} × ${SLOTS / processes} slots`;
  const write = (value: number): string => Math.round(value).toLocaleString('en-US');
  const detail =
    `${write(events)} events waited for an endpoint of ${PER_SECOND}/s; after ${seconds.toFixed(0)} s ` +
    `${write(delivered)} were delivered, with ${write(requests)} requests`;
  const window = `from second ${FROM_SECOND} on until ${SHARE * 100} % of ${write(events)} were delivered`;
  const digits = 3;
  return [
    rowOfValue(
      { name: `${name}: requests ÷ delivered`, goal: 1.03, floor: 1.1, better: 'less', digits, detail },
      requests / delivered,
    ),
    rowOfValue(
      {
        name: `${name}: delivered/s ÷ ${PER_SECOND}`,
        goal: 0.95,
        floor: 0.85,
        better: 'more',
        digits,
        detail: window,
      },
      perSecond / PER_SECOND,
    ),
    rowOfValue(
      {
        name: `${name}: dead`,
        goal: 0,
        floor: 0,
        better: 'less',
        digits: 0,
        detail: `undecided if less than ${ENOUGH * 100} % were delivered by the end`,
      },
      dead,
      dead > 0 || delivered >= events * ENOUGH,
    ),
  ];
}

async function overload(scene: Scene, processes: number, events: number, scale: number): Promise<Overload> {
  const { redis, startEngine } = scene;
  const endpoint = startChild<LimitedEndpointCommands>('./all/limited-endpoint-process.js', {
    args: ['endpoint'],
  });
  try {
    const port = await endpoint.ask('listen', ENDPOINT);
    const config = configOf(port, { [CLIENT]: { concurrency: SLOTS / processes } });
    const submitter = await openSubmitter(config, redis.socketPath);
    await submitter.many(CLIENT, events);
    await submitter.close();
    const began = performance.now();
    await Promise.all(Array.from({ length: processes }, () => startEngine(config)));
    const dead = await untilThrough(redis.connection, CLIENT, events, scaled(LIMIT_MS, scale, LEAST_MS));
    const counts = await endpoint.ask('counts', undefined);
    return {
      ...sumUp(counts),
      dead,
      perSecond: deliveredPerSecond(counts, Math.floor(FROM_SECOND * Math.min(1, scale)), events * SHARE),
      seconds: (performance.now() - began) / 1_000,
    };
  } finally {
    await endpoint.close();
  }
}
