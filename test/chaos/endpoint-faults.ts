import type { Disturbance } from './evidence.ts';
import { ATTEMPTS, type Fate, ownFailures } from './fates.ts';

/*
 * What the endpoint's own faults excuse. While it refuses connections, attempts are made that it cannot see; while it
 * refuses or answers 503 they fail, whatever the fate of the event is, and the event may die of it and be replayed.
 */

const REFUSES = 'endpoint refuses';
const FAILS: ReadonlySet<string> = new Set([REFUSES, 'endpoint answers 503']);
/** How far apart a fault and the end of an attempt that failed by it may be on a loaded machine. */
const MARGIN_MS = 1_000;

/** Whether attempts that began between two times, in ms since the epoch, may have been refused unseen. */
export function mayBeUnseen(disturbances: readonly Disturbance[], from: number, to: number): boolean {
  return overlaps(
    disturbances.filter(({ kind }) => kind === REFUSES),
    from,
    to,
  );
}

/** Whether attempts between two times, in ms since the epoch, may have failed by a fault of the endpoint's. */
export function mayHaveFailed(disturbances: readonly Disturbance[], from: number, to: number): boolean {
  return overlaps(
    disturbances.filter(({ kind }) => FAILS.has(kind)),
    from,
    to,
  );
}

/** Whether an attempt that ended at a time was one that the endpoint could not see. */
export function wasUnseen(disturbances: readonly Disturbance[], endedAt: number): boolean {
  return mayBeUnseen(withFreezes(disturbances), endedAt, endedAt);
}

/** Whether an event whose attempts ended at these times may be dead: those that its fate does not fail, a fault did. */
export function mayBeDead(
  disturbances: readonly Disturbance[],
  fate: Fate,
  unit: number,
  failedAt: readonly number[],
): boolean {
  const extended = withFreezes(disturbances);
  const byFault = failedAt.filter((at) => mayHaveFailed(extended, at, at));
  return byFault.length + ownFailures(fate, unit) >= ATTEMPTS;
}

function overlaps(disturbances: readonly Disturbance[], from: number, to: number): boolean {
  return disturbances.some(({ at, until }) => at - MARGIN_MS <= to && until + MARGIN_MS >= from);
}

/** A process that is frozen in the meantime learns of its failures when it goes on. */
function withFreezes(disturbances: readonly Disturbance[]): Disturbance[] {
  const freezes = disturbances.filter(({ kind }) => kind.startsWith('freeze'));
  return disturbances
    .filter(({ kind }) => FAILS.has(kind))
    .map((fault) => {
      const during = freezes.filter(({ at, until }) => at <= fault.until && until >= fault.at);
      return { ...fault, until: Math.max(fault.until, ...during.map(({ until }) => until)) };
    });
}
