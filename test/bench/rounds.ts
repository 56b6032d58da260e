import type { Arena, Turned } from './arena.ts';
import { CONTENDERS, type Contender } from './contenders.ts';

/** The turns of each contender, in the order of the rounds: what stands at one index was measured together. */
export type Turns = Readonly<Record<Contender, readonly Turned[]>>;

/** How long it is measured, and who is told how it goes. */
export interface RoundOptions {
  readonly rounds: number;
  /** How long one turn is to take. */
  readonly seconds: number;
  onProgress(line: string): void;
}

const FIRST_WARM_UP_EVENTS = 2_000;
/** The second warm-up is so many times as long as a turn, and says how many events a turn takes. */
const SECOND_WARM_UP = 0.5;
const LEAST_EVENTS = 500;
const MOST_EVENTS = 400_000;

/** Warms every contender up, finds how many events a turn of theirs takes, and runs the rounds. */
export async function runRounds(arena: Arena, options: RoundOptions): Promise<Turns> {
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

/** Warms a contender up twice, and says how many events it gets through in so many seconds. */
export async function findTurnLength(arena: Arena, name: Contender, seconds: number): Promise<number> {
  const first = await arena.turn(name, FIRST_WARM_UP_EVENTS);
  const second = await arena.turn(name, eventsIn(first, seconds * SECOND_WARM_UP));
  return eventsIn(second, seconds);
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
