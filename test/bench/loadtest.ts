import type { Arena, Turned } from './arena.ts';
import { plainTable } from './report.ts';
import { findTurnLength } from './rounds.ts';
import { describeVerdict, estimate, pairedRatios } from './statistics.ts';

/** What one generator process can offer ÷ what bare undici sends; goal and floor are the same. */
const FLOOR = 0.7;
const NAMES = ['undici', 'loadtest'] as const;

/** How long it is measured, and who is told how it goes. */
export interface LoadtestBench {
  readonly rounds: number;
  readonly seconds: number;
  readonly json: boolean;
  onProgress(line: string): void;
}

/** Measures the load tester's generator against bare undici, in turns. @returns what is to be printed */
export async function benchLoadtest(arena: Arena, options: LoadtestBench): Promise<string> {
  const lengths = new Map<string, number>();
  for (const name of NAMES) lengths.set(name, await findTurnLength(arena, name, options.seconds));
  const turns: Record<(typeof NAMES)[number], number[]> = { undici: [], loadtest: [] };
  for (let round = 0; round < options.rounds; round += 1) {
    const inTurn = round % 2 === 0 ? NAMES : NAMES.toReversed();
    for (const name of inTurn) {
      const turned: Turned = await arena.turn(name, lengths.get(name) ?? 1);
      turns[name].push(turned.perSecond);
    }
    const figures = NAMES.map((name) => `${name} ${Math.round(turns[name].at(-1) ?? 0)}/s`).join(', ');
    options.onProgress(`round ${round + 1} of ${options.rounds}: ${figures}`);
  }
  const ratio = estimate(pairedRatios(turns.loadtest, turns.undici));
  const speeds = { undici: estimate(turns.undici), loadtest: estimate(turns.loadtest) };
  if (options.json) return JSON.stringify({ rounds: options.rounds, perSecond: speeds, ratio, floor: FLOOR });
  const table = plainTable(['', 'median', '95 % interval', 'verdict'], ['left', 'right', 'right', 'left']);
  for (const name of NAMES) {
    const { median, low, high } = speeds[name];
    table.push([`${name}, events/s`, median.toFixed(0), `${low.toFixed(0)} – ${high.toFixed(0)}`, '']);
  }
  const verdict = describeVerdict(ratio, FLOOR, FLOOR);
  const interval = `${ratio.low.toFixed(2)} – ${ratio.high.toFixed(2)}`;
  table.push([`loadtest ÷ undici (floor ${FLOOR})`, ratio.median.toFixed(2), interval, verdict]);
  return table.toString();
}
