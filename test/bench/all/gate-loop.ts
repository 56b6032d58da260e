import { Gate } from '../../../src/delivery/gate.ts';

const SLOTS = 64;

/** Takes so many events through a gate in `open`, one after another. @returns µs an event */
export function timeGate(events: number): number {
  const gate = new Gate(SLOTS, []);
  let granted = 0;
  const isWanted = (): boolean => true;
  const onTurn = (isGranted: boolean): void => {
    if (isGranted) granted += 1;
  };
  const began = performance.now();
  for (let n = 0; n < events; n += 1) {
    gate.add(1);
    gate.acquire(isWanted, onTurn);
    gate.release();
  }
  const ms = performance.now() - began;
  if (granted !== events) throw new Error(`of ${events} events the gate let ${granted} through`);
  return (ms * 1_000) / events;
}
