import { estimate, pairedRatios } from '../statistics.ts';
import { atRate, percentile } from './pace.ts';
import { type Row, rowOfRounds } from './row.ts';
import { configOf, type Scene, scaled, withScene } from './scene.ts';
import { sharedNow } from './shared-clock.ts';
import { openSubmitter } from './submit.ts';

const HEALTHY = 49;
const HOLE = 'hole';
const PER_SECOND = 200;
const EVENTS = 4_000;
const LEAST_EVENTS = 100;
const HOLE_EVENTS = 2_000;
const ROUNDS = 15;
const LEAST_ROUNDS = 1;
const TIMEOUT_MS = 1_000;

/** One client whose endpoint never answers, beside 49 healthy ones: p99 of the healthy ÷ without it. */
export async function measureBlackHole(scale: number): Promise<Row> {
  const events = scaled(EVENTS, scale, LEAST_EVENTS);
  const rounds = scaled(ROUNDS, scale, LEAST_ROUNDS);
  const holeEvents = scaled(HOLE_EVENTS, scale, LEAST_EVENTS);
  const beside: number[] = [];
  const without: number[] = [];
  await withScene(async (scene) => {
    // The first round is a warm-up.
    for (let round = 0; round <= rounds; round += 1) {
      const [alone, disturbed] = [await turn(scene, events, 0), await turn(scene, events, holeEvents)];
      if (round === 0) continue;
      without.push(percentile(alone, 0.99));
      beside.push(percentile(disturbed, 0.99));
    }
  });
  return rowOfRounds(
    {
      name: 'one client black-holed, 49 healthy: p99 ÷ without',
      goal: 1.2,
      floor: 1.5,
      better: 'less',
      detail: `from submitting to the first byte, ${PER_SECOND} events/s over the healthy; ${holeEvents} events wait for the other, whose requests time out after ${TIMEOUT_MS / 1_000} s; ms of the latest turn: ${beside.at(-1)?.toFixed(2)} and ${without.at(-1)?.toFixed(2)}`,
    },
    estimate(pairedRatios(beside, without)),
  );
}

async function turn({ redis, endpoint, port, ...scene }: Scene, events: number, holeEvents: number) {
  await redis.reset();
  const names = Array.from({ length: HEALTHY }, (_, n) => `acme-${n}`);
  const healthy = Object.fromEntries(names.map((name) => [name, {}]));
  const config = configOf(port, { ...healthy, [HOLE]: { path: '/hole', timeoutMs: TIMEOUT_MS } });
  const submitter = await openSubmitter(config, redis.socketPath);
  await submitter.many(HOLE, holeEvents);
  const engine = await scene.startEngine(config);
  try {
    const leadIn = HEALTHY * 2;
    const submittedAt: number[] = [];
    await endpoint.ask('begin', undefined);
    await atRate(leadIn + events, PER_SECOND, (n) => {
      submittedAt[n] = sharedNow();
      return submitter.one(names[n % HEALTHY] ?? '', n);
    });
    const arrivals = await endpoint.ask('arrivals', leadIn + events);
    return arrivals.flatMap(([n, at]) => (n < leadIn ? [] : [at - (submittedAt[n] ?? Number.NaN)]));
  } finally {
    await submitter.close();
    await scene.stopEngine(engine);
  }
}
