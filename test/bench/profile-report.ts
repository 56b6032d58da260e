import type { ProfileSummary } from './profile-summary.ts';
import { plainTable } from './report.ts';

const FUNCTIONS_SHOWN = 25;

/** Where a contender's time went, over so many events, as tables for people. */
export function toProfileTables(name: string, summary: ProfileSummary, events: number): string {
  const { busyMicroseconds: busy, idleMicroseconds: idle } = summary;
  const share = (time: number): string => `${((time / busy) * 100).toFixed(1)} %`;
  const each = (time: number): string => (time / events).toFixed(2);

  const groups = plainTable(
    ['', 'self', 'µs/event', "with Node's own beneath", 'µs/event'],
    ['left', 'right', 'right', 'right', 'right'],
  );
  for (const { group, selfMicroseconds, withNodeMicroseconds } of summary.groups) {
    groups.push([
      group,
      share(selfMicroseconds),
      each(selfMicroseconds),
      share(withNodeMicroseconds),
      each(withNodeMicroseconds),
    ]);
  }
  groups.push(['all', share(busy), each(busy), share(busy), each(busy)]);

  const functions = plainTable(
    ['function', 'where', 'group', 'self', 'µs/event'],
    ['left', 'left', 'left', 'right', 'right'],
  );
  for (const { name: functionName, where, group, selfMicroseconds } of summary.functions.slice(
    0,
    FUNCTIONS_SHOWN,
  )) {
    functions.push([functionName, where, group, share(selfMicroseconds), each(selfMicroseconds)]);
  }
  const idleShare = Math.round((idle / (busy + idle)) * 100);
  const about =
    `${name}: ${events.toLocaleString('en-US')} events, its thread idle for ${idleShare} % of the time ` +
    '(the profiler itself slows it)';
  return [about, groups.toString(), functions.toString()].join('\n');
}
