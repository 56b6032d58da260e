import { once } from 'node:events';
import type { Problem } from '../../core/problem.ts';
import { formatCount } from '../../core/quantity-text.ts';
import type { SubmitResult } from '../../intake/submit-result.ts';
import { visibleText } from '../terminal.ts';
import type { Counts, Listing, SafeBy } from './listing.ts';

/** Refused events that people are shown; the rest is counted. */
const MOST_SHOWN = 20;

/** What has become of the events so far. */
export class Account implements Counts {
  accepted = 0;
  repeated = 0;
  refused = 0;
  delivered = 0;
  unknown = 0;
  /** The id of the first event that was accepted or repeated. */
  firstId: string | undefined;
  /** The first refused events, without those that were refused because of Redis or were delivered. */
  readonly shown: { readonly line: number; readonly problems: readonly Problem[] }[] = [];
  /** How many there would be in `shown` without its limit. */
  showable = 0;
  /** The lines of the first and the last event whose outcome is unknown. */
  unknownLines: readonly [first: number, last: number] | undefined;
  firstUnknownId: string | undefined;
  /** The line of the latest event that was counted. */
  lastLine = 0;
  /** Why Redis takes no more events; undefined: it does. */
  failure: string | undefined;
  readonly safeBy: SafeBy;
  readonly #listing: Listing | undefined;

  /** @param listing goes to stdout; undefined: stdout is for people */
  constructor(safeBy: SafeBy, listing: Listing | undefined) {
    this.safeBy = safeBy;
    this.#listing = listing;
  }

  get total(): number {
    return this.accepted + this.repeated + this.refused + this.unknown;
  }

  /** Counts one event. */
  count(line: number, result: SubmitResult): void {
    this.lastLine = line;
    this.#listing?.add(line, result);
    if (result.outcome === 'accepted') {
      this[result.repeated ? 'repeated' : 'accepted'] += 1;
      this.firstId ??= result.id;
      return;
    }
    const { problems } = result;
    if (result.outcome === 'unknown') {
      this.unknown += 1;
      this.firstUnknownId ??= result.id;
      this.unknownLines = [this.unknownLines?.[0] ?? line, line];
      this.failure ??= problems[0]?.message;
      return;
    }
    this.refused += 1;
    if (result.code === 'ALREADY_DELIVERED') {
      this.delivered += 1;
      return;
    }
    if (result.code.startsWith('REDIS_')) {
      this.failure ??= problems[0]?.message;
      return;
    }
    this.showable += 1;
    if (this.shown.length < MOST_SHOWN) this.shown.push({ line, problems });
  }

  /** Writes the listing as far as it goes, and waits until it is taken. */
  async flush(): Promise<void> {
    await write(this.#listing?.take());
  }

  /** Ends the listing. */
  async end(): Promise<void> {
    await this.flush();
    for (const text of this.#listing?.end(this) ?? []) await write(text);
  }
}

async function write(text = ''): Promise<void> {
  const { stdout } = process;
  if (text === '' || stdout.write(text)) return;
  // If it cannot be written any more, the listener for a lost output ends the sending.
  await once(stdout, 'drain').catch(() => {});
}

/** Prints for people what became of the events. @param isListed whether stdout tells the ids of all */
export function printAccount(print: (line: string) => void, account: Account, isListed: boolean): void {
  const counts = [`${formatCount(account.accepted)} accepted`, `${formatCount(account.refused)} refused`];
  if (account.repeated > 0) counts.push(`${formatCount(account.repeated)} repeated`);
  if (account.unknown > 0) counts.push(`${formatCount(account.unknown)} unknown`);
  print(counts.join(', '));
  if (account.firstId !== undefined && !isListed) print(firstId(account.firstId, account));
  if (account.delivered > 0) print(tellDelivered(account.delivered));
  for (const { line, problems } of account.shown) {
    const head = `  line ${formatCount(line)}: `;
    const texts = problems.map(({ path, message }) => (path === '$' ? message : `${path} ${message}`));
    print(visibleText(head + texts.join(`\n${' '.repeat(head.length)}`)));
  }
  const more = account.showable - account.shown.length;
  if (more > 0) print(`  … and ${formatCount(more)} more; --json lists all of them`);
  tellUnknown(print, account, isListed);
}

function firstId(id: string, { accepted, repeated }: Account): string {
  return accepted + repeated === 1 ? `  id ${id}` : `  first id ${id}; --ids prints all`;
}

function tellDelivered(count: number): string {
  const were = count === 1 ? '1 was' : `${formatCount(count)} were`;
  return `  ${were} delivered since the export; --again sends ${count === 1 ? 'it' : 'them'} all the same`;
}

function tellUnknown(
  print: (line: string) => void,
  { unknownLines, firstUnknownId, safeBy }: Account,
  isListed: boolean,
): void {
  if (unknownLines === undefined) return;
  const [first, last] = unknownLines.map(formatCount);
  const lines = first === last ? `line ${first}` : `lines ${first} to ${last}`;
  const advice =
    safeBy === undefined
      ? 'sending them again may double them'
      : `send them again${safeBy === 'keys' ? ' under the same keys' : ''}, which doubles none`;
  print(`  ${lines}: unknown whether Redis has them; ${advice}`);
  if (safeBy !== undefined || isListed) return;
  print(`  first unknown id ${firstUnknownId}; ask "waybill event"`);
}
