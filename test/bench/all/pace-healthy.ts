import { estimate } from '../statistics.ts';
import { timeGate } from './gate-loop.ts';
import { type Row, rowOfRounds } from './row.ts';
import { scaled } from './scene.ts';
import { measureSides } from './sides.ts';

const LEAST_EVENTS = 100;
const GATE_EVENTS = 1_000_000;
const GATE_ROUNDS = 9;

/** What a pace costs that holds nothing back: processor time per event, adaptive ÷ fixed; and the gate alone. */
export async function measurePaceHealthy(scale: number): Promise<readonly Row[]> {
  const sides = { on: { pace: 'adaptive' }, off: { pace: 'fixed' } } as const;
  const name = 'healthy endpoint: processor time per event, adaptive ÷ fixed';
  return [await measureSides(name, sides, scale), measureGate(scale)];
}

function measureGate(scale: number): Row {
  const events = scaled(GATE_EVENTS, scale, LEAST_EVENTS);
  timeGate(events); // warm-up
  return rowOfRounds(
    {
      name: 'gate in open: one event',
      goal: 0.3,
      floor: 0.3,
      better: 'less',
      unit: 'µs',
      digits: 3,
      detail: `acquired and released, ${events.toLocaleString('en-US')} one after another`,
    },
    estimate(Array.from({ length: GATE_ROUNDS }, () => timeGate(events))),
  );
}
