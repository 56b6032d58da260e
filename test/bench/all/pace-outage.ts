import { setTimeout as pause } from 'node:timers/promises';
import { type Child, startChild } from '../child.ts';
import { atRate } from './pace.ts';
import type { Arrival, EngineCommands, Failures, LimitedEndpointCommands } from './protocol.ts';
import { type Row, rowOfValue, rowToTell } from './row.ts';
import { configOf, type Scene, scaled, withScene } from './scene.ts';
import { openSubmitter } from './submit.ts';
import { untilThrough } from './until-through.ts';

const CLIENT = 'acme';
const PER_SECOND = 50;
/** 300/s. */
const ENDPOINT = { atOnce: 12, workMs: 40, queued: 50 };
/** The phases: the endpoint is well, refuses connections, is back. */
const WELL_MS = 10_000;
const DOWN_MS = 60_000;
const BACK_MS = 45_000;
/** By then the outage is known, with some time to spare. */
const KNOWN_AFTER_MS = 15_000;
const LEAST_PHASE_MS = 400;
/** Five retries within 9.9 s. */
const BASE_DELAY_MS = 320;
const LEAST_DELAY_MS = 30;
const MOST_DEAD = 150;
const WITHIN_S = 45;
/** How long stragglers are waited for after the last phase. */
const LIMIT_MS = 45_000;
const LEAST_LIMIT_MS = 5_000;

/** What came of one run. */
interface Outage {
  /** Accepted before the endpoint was back. */
  readonly before: number;
  readonly dead: number;
  readonly deliveries: readonly Arrival[];
  /** ms, of the clock of the deliveries */
  readonly returnedAt: number;
  /** Sent until the outage should be known, and until its end. */
  readonly failures: readonly [early: Failures, all: Failures];
}

/** 50 events/s for an endpoint that refuses connections for a minute, with retries that end within ten seconds. */
export async function measurePaceOutage(scale: number): Promise<readonly Row[]> {
  return rowsOf(await withScene((scene) => outage(scene, scale)), scale);
}

function rowsOf({ before, dead, deliveries, returnedAt, failures }: Outage, scale: number): Row[] {
  const { lastMs, undelivered } = followUp(deliveries, before, returnedAt);
  const missing = Math.max(0, undelivered - dead);
  const { downMs, knownMs } = phasesOf(scale);
  const name = `outage of ${downMs / 1_000} s under ${PER_SECOND}/s`;
  const detail =
    `of ${before.toLocaleString('en-US')} events accepted before its end ${dead} are dead and ` +
    `${missing} undelivered; five retries within 10 s`;
  const [early, all] = failures;
  return [
    rowOfValue({ name: `${name}: dead`, goal: MOST_DEAD, better: 'less', digits: 0, detail }, dead),
    rowOfValue(
      { name: `${name}: all others delivered after`, goal: WITHIN_S, better: 'less', unit: 's', detail },
      lastMs / 1_000,
      missing === 0,
    ),
    rowToTell(
      {
        name: `${name}: requests while down`,
        digits: 0,
        detail:
          `${all.first} first attempts, of them ${all.first - early.first} later than ` +
          `${knownMs / 1_000} s after its beginning, and ${all.retries} retries`,
      },
      all.first + all.retries,
    ),
  ];
}

/**
 * What became of the events with the numbers below `before`: when the last of them was delivered, in ms after
 * `returnedAt` (0: none after that), and how many of them were not.
 */
export function followUp(deliveries: readonly Arrival[], before: number, returnedAt: number) {
  const delivered = new Set<number>();
  let last = returnedAt;
  for (const [n, at] of deliveries) {
    if (n >= before || delivered.has(n)) continue;
    delivered.add(n);
    last = Math.max(last, at);
  }
  return { lastMs: last - returnedAt, undelivered: before - delivered.size };
}

async function outage(scene: Scene, scale: number): Promise<Outage> {
  const phases = phasesOf(scale);
  const endpoint = startChild<LimitedEndpointCommands>('./all/limited-endpoint-process.js', {
    args: ['endpoint'],
  });
  try {
    const config = configOf(await endpoint.ask('listen', ENDPOINT), {
      [CLIENT]: { retry: { baseDelayMs: scaled(BASE_DELAY_MS, scale, LEAST_DELAY_MS), factor: 2 } },
    });
    const submitter = await openSubmitter(config, scene.redis.socketPath);
    const engine = await scene.startEngine(config);
    const total = Math.round(((phases.wellMs + phases.downMs + phases.backMs) * PER_SECOND) / 1_000);
    let submitted = 0;
    const submitting = atRate(total, PER_SECOND, (n) => {
      submitted = n + 1;
      return submitter.one(CLIENT, n);
    });
    const { returnedAt, failures } = await goAway(endpoint, engine, phases);
    const before = submitted;
    await submitting;
    await submitter.close();
    const limitMs = scaled(LIMIT_MS, scale, LEAST_LIMIT_MS);
    const dead = await untilThrough(scene.redis.connection, CLIENT, total, limitMs);
    const deliveries = await endpoint.ask('deliveries', undefined);
    return { before, dead, deliveries, returnedAt, failures };
  } finally {
    await endpoint.close();
  }
}

function phasesOf(scale: number) {
  const downMs = scaled(DOWN_MS, scale, LEAST_PHASE_MS);
  return {
    wellMs: scaled(WELL_MS, scale, LEAST_PHASE_MS),
    downMs,
    knownMs: Math.min(downMs, scaled(KNOWN_AFTER_MS, scale)),
    backMs: scaled(BACK_MS, scale, LEAST_PHASE_MS),
  };
}

/** Has the endpoint refuse connections after a while, and accept them again. */
async function goAway(
  endpoint: Child<LimitedEndpointCommands>,
  engine: Child<EngineCommands>,
  { wellMs, downMs, knownMs }: ReturnType<typeof phasesOf>,
): Promise<Pick<Outage, 'returnedAt' | 'failures'>> {
  await pause(wellMs);
  await endpoint.ask('refuse', undefined);
  await pause(knownMs);
  const early = await engine.ask('failures', undefined);
  await pause(downMs - knownMs);
  const returnedAt = await endpoint.ask('accept', undefined);
  return { returnedAt, failures: [early, await engine.ask('failures', undefined)] };
}
