import Table from 'cli-table3';
import type { Options } from './options.ts';
import type { Outcome } from './run.ts';

/** Violations that people are shown; `--json` has all of them. */
const SHOWN = 20;

/** Whether nothing was lost and no rule was broken. */
export function isClean({ lost, violations }: Outcome): boolean {
  return lost === 0 && violations.length === 0;
}

/** What `--json` prints. */
export function toReport({ seed, seconds, fixed }: Options, outcome: Outcome) {
  return { seed: fixed ? null : seed, seconds, ...outcome };
}

/** The account for people; its last line is `lost N`. */
export function toText(outcome: Outcome): string {
  const { kills, violations, lost } = outcome;
  const lines = [
    table('events', [
      ['accepted', outcome.accepted],
      ['refused', outcome.refused],
      ['unknown: the answer was lost', outcome.unknown],
      ['delivered', outcome.delivered],
      ['dead letters', outcome.dead],
      ['replayed', outcome.replayed],
      ['delivered twice', outcome.doubled],
    ]),
    table('faults', Object.entries(kills)),
    table('seconds', [
      ['longest silence', seconds(outcome.longestSilenceMs)],
      ...(outcome.bystander === undefined
        ? []
        : [['the same of a client on another server', seconds(outcome.bystander.silenceMs)] as const]),
      ['longest takeover', seconds(outcome.longestTakeoverMs)],
      ['until all was through', seconds(outcome.drainMs)],
    ]),
  ];
  if (violations.length > 0) {
    lines.push(`${count(violations.length)} times a rule was broken:`);
    lines.push(...violations.slice(0, SHOWN).map((violation) => `  ${violation}`));
    if (violations.length > SHOWN) lines.push(`  … and ${count(violations.length - SHOWN)} more`);
  }
  return [...lines, `lost ${lost}`].join('\n');
}

function table(title: string, rows: readonly (readonly [string, string | number])[]): string {
  const drawn = new Table({
    head: [title, ''],
    colAligns: ['left', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const [name, value] of rows) drawn.push([name, typeof value === 'number' ? count(value) : value]);
  return drawn.toString();
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}
