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
/**
 * For how many turns' worth of time contenders warm up: until the compiler makes no more of them. At half a second
 * each that is 4 s for an engine, whose event costs twice as much at first (BullMQ's three times), and 3 s for what is
 * little but a client.
 */
const WARM_UP: Readonly<Record<string, number>> = { waybill: 8, bullmq: 10, undici: 6, loadtest: 8 };
const SHORT_WARM_UP = 3;
/** A turn of the warm-up is no longer than so many that count: what is faster by then gets more events in the next. */
const WARM_UP_TURN = 4;
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
      // Nothing is held against its limit: that is only shown.
      if (name === 'receiver' && round > 0) continue;
      turns[name].push(await arena.turn(name, events.get(name) ?? LEAST_EVENTS));
    }
    const figures = CONTENDERS.map((name) => `${name} ${format(turns[name].at(-1)?.perSecond ?? 0)}/s`);
    onProgress(`round ${round + 1} of ${rounds}: ${figures.join(', ')}`);
  }
  return turns;
}

/** Warms a contender up, and says how many events it gets through in so many seconds. */
export async function findTurnLength(
  arena: Arena,
  name: Contender | SenderName,
  seconds: number,
): Promise<number> {
  let latest = await arena.turn(name, FIRST_EVENTS);
  for (let left = WARM_UP[name] ?? SHORT_WARM_UP; left > 0; left -= WARM_UP_TURN) {
    latest = await arena.turn(name, eventsIn(latest, seconds * Math.min(left, WARM_UP_TURN)));
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
