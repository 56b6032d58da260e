import type { Arena, Turned } from './arena.ts';
import { CONTENDERS, type Contender, type SenderName } from './contenders.ts';

/** The turns of each contender, in the order of the rounds: what stands at one index was measured together. */
export type Turns = Readonly<Record<Contender, readonly Turned[]>>;

/** How long it is measured, and who is told how it goes. */
export interface RoundOptions {
  /** Each in processes of its own. */
  readonly blocks: number;
  /** In each block. */
  readonly rounds: number;
  /** How long one turn is to take. */
  readonly seconds: number;
  onProgress(line: string): void;
}

const FIRST_EVENTS = 2_000;
/** How much longer than a turn that counts one of the warm-up is. */
const WARM_UP = 2;
/** The compiler is done where a contender's cost of an event fell no further, by less than this, in so many turns. */
const STILL_FALLS = 0.97;
const WITHOUT_FALL = 2;
const MOST_WARM_UPS = 10;
const LEAST_EVENTS = 500;
const MOST_EVENTS = 400_000;

/**
 * Runs the rounds in blocks, each with new processes: what the compiler makes of a process is a matter of luck that
 * stays with it, so that rounds in the same processes do not tell how runs differ. One list of turns for each block.
 */
export async function runBlocks(open: () => Promise<Arena>, options: RoundOptions): Promise<Turns[]> {
  const blocks: Turns[] = [];
  while (blocks.length < options.blocks) {
    options.onProgress(`block ${blocks.length + 1} of ${options.blocks}`);
    const arena = await open();
    try {
      blocks.push(await runRounds(arena, options));
    } finally {
      await arena.close();
    }
  }
  return blocks;
}

/** Warms every contender up, finds how many events a turn of theirs takes, and runs the rounds. */
async function runRounds(arena: Arena, options: RoundOptions): Promise<Turns> {
  const { rounds, seconds, onProgress } = options;
  const events = new Map<Contender, number>();
  for (const name of CONTENDERS) {
    events.set(name, await findTurnLength(arena, name, seconds));
    onProgress(`warm-up: ${name}, ${format(events.get(name) ?? 0)} events a turn`);
  }
  const turns: Record<Contender, Turned[]> = {
    undici: [],
    waybill: [],
    bullmq: [],
    intake: [],
    receiver: [],
  };
  for (let round = 0; round < rounds; round += 1) {
    for (const name of rotate(CONTENDERS, round)) {
      turns[name].push(await arena.turn(name, events.get(name) ?? LEAST_EVENTS));
    }
    const figures = CONTENDERS.map((name) => `${name} ${format(turns[name].at(-1)?.perSecond ?? 0)}/s`);
    onProgress(`round ${round + 1} of ${rounds}: ${figures.join(', ')}`);
  }
  return turns;
}

/**
 * Warms a contender up until its cost of an event no longer falls, and says how many events it gets through in so
 * many seconds. A bare sender needs three turns of a second for that; an engine, which has more code for the compiler
 * to find out about, up to eight.
 */
export async function findTurnLength(
  arena: Arena,
  name: Contender | SenderName,
  seconds: number,
): Promise<number> {
  let latest = await arena.turn(name, FIRST_EVENTS);
  let lowest = latest.cpuMicroseconds;
  let withoutFall = 0;
  for (let turn = 0; turn < MOST_WARM_UPS && withoutFall < WITHOUT_FALL; turn += 1) {
    latest = await arena.turn(name, eventsIn(latest, seconds * WARM_UP));
    withoutFall = latest.cpuMicroseconds < STILL_FALLS * lowest ? 0 : withoutFall + 1;
    lowest = Math.min(lowest, latest.cpuMicroseconds);
  }
  return eventsIn(latest, seconds);
}

function eventsIn({ perSecond }: Turned, seconds: number): number {
  return Math.min(MOST_EVENTS, Math.max(LEAST_EVENTS, Math.round(perSecond * seconds)));
}

/** So that nobody always follows the same neighbour's heat first or last in a round. */
function rotate<Item>(items: readonly Item[], by: number): Item[] {
  const first = by % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}

function format(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
