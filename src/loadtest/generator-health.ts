import type { GeneratorHealth } from './observation.ts';
import { showMs, showShare } from './quantities.ts';

const LEAST_SENT_SHARE = 0.99;
const LEAST_LAG_MS = 5;
const LAG_SHARE_OF_OBJECTIVE = 0.1;
const MOST_UTILISATION = 0.9;

/**
 * What makes a run inconclusive, a sentence each; empty: the generator did well enough.
 *
 * @param strictestMs the shortest time that an objective names; undefined: none names one
 */
export function generatorTrouble(health: GeneratorHealth, strictestMs: number | undefined): string[] {
  const mostLagMs = Math.max(LEAST_LAG_MS, LAG_SHARE_OF_OBJECTIVE * (strictestMs ?? 0));
  const { sentShare, lagP99Ms, eventLoopUtilisation } = health;
  const trouble: string[] = [];
  if (sentShare < LEAST_SENT_SHARE) {
    trouble.push(`the generator attended to ${showShare(sentShare)} of the plan, less than 99 %`);
  }
  if (lagP99Ms > mostLagMs) {
    trouble.push(
      `the generator was late: its lag's p99 is ${showMs(lagP99Ms)}, more than ${showMs(mostLagMs)}`,
    );
  }
  if (eventLoopUtilisation > MOST_UTILISATION) {
    trouble.push(`the generator was busy: ${showShare(eventLoopUtilisation)} of its time, more than 90 %`);
  }
  return trouble;
}
