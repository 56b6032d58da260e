import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { Problem } from '../../core/problem.ts';
import type { SubmitResult } from '../../intake/submit-result.ts';
import { formatCount, type Terminal, visibleText } from '../terminal.ts';

/** Refused events that people are shown; the rest is counted. */
const MOST_SHOWN = 20;

/** What has become of the events so far. */
export class Account {
  accepted = 0;
  /** Accepted before, under the same idempotency key; not among the accepted. */
  repeated = 0;
  refused = 0;
  unknown = 0;
  /** The first refused events, without those that were refused because of Redis. */
  readonly shown: { readonly line: number; readonly problems: readonly Problem[] }[] = [];
  /** How many there would be in `shown` without its limit. */
  showable = 0;
  /** The lines of the first and the last event whose outcome is unknown. */
  unknownLines: readonly [first: number, last: number] | undefined;
  /** The line of the latest event that was counted. */
  lastLine = 0;
  /** Why Redis takes no more events; undefined: it does. */
  failure: string | undefined;
  /** Whether events have idempotency keys, so that sending them again doubles none. */
  readonly isKeyed: boolean;
  readonly #json: Writable | undefined;
  /** What is not written yet of the JSON. */
  #text = '{"refused":[';

  /** @param json takes the account as one JSON object, the refused events as they come: there may be millions */
  constructor(isKeyed: boolean, json: Writable | undefined) {
    this.isKeyed = isKeyed;
    this.#json = json;
  }

  get total(): number {
    return this.accepted + this.repeated + this.refused + this.unknown;
  }

  /** Counts one event. */
  count(line: number, result: SubmitResult): void {
    this.lastLine = line;
    if (result.outcome === 'accepted') {
      this[result.repeated ? 'repeated' : 'accepted'] += 1;
      return;
    }
    const { problems } = result;
    if (result.outcome === 'unknown') {
      this.unknown += 1;
      this.unknownLines = [this.unknownLines?.[0] ?? line, line];
      this.failure ??= problems[0]?.message;
      return;
    }
    this.refused += 1;
    if (this.#json) this.#text += `${this.refused > 1 ? ',' : ''}${JSON.stringify({ line, problems })}`;
    if (result.code.startsWith('REDIS_')) {
      this.failure ??= problems[0]?.message;
      return;
    }
    this.showable += 1;
    if (this.shown.length < MOST_SHOWN) this.shown.push({ line, problems });
  }

  /** Writes the refused events, and waits until they are taken. */
  async flush(): Promise<void> {
    const text = this.#text;
    this.#text = '';
    if (this.#json === undefined || text === '' || this.#json.write(text)) return;
    // If it cannot be written any more, the listener for a lost output ends the sending.
    await once(this.#json, 'drain').catch(() => {});
  }

  /** Ends the JSON object. */
  async end(): Promise<void> {
    const again = this.isKeyed ? `"repeated":${this.repeated},` : '';
    this.#text += `],"accepted":${this.accepted},${again}"unknown":${this.unknown}}\n`;
    await this.flush();
  }
}

/** Prints for people what became of the events. */
export function printAccount(terminal: Terminal, account: Account): void {
  const counts = [`${formatCount(account.accepted)} accepted`, `${formatCount(account.refused)} refused`];
  if (account.repeated > 0) counts.push(`${formatCount(account.repeated)} repeated`);
  if (account.unknown > 0) counts.push(`${formatCount(account.unknown)} unknown`);
  terminal.line(counts.join(', '));
  for (const { line, problems } of account.shown) {
    const head = `  line ${formatCount(line)}: `;
    const texts = problems.map(({ path, message }) => (path === '$' ? message : `${path} ${message}`));
    terminal.line(visibleText(head + texts.join(`\n${' '.repeat(head.length)}`)));
  }
  const more = account.showable - account.shown.length;
  if (more > 0) terminal.line(`  … and ${formatCount(more)} more; --json lists all of them`);
  if (account.unknownLines !== undefined) {
    const [first, last] = account.unknownLines.map(formatCount);
    const lines = first === last ? `line ${first}` : `lines ${first} to ${last}`;
    const advice = account.isKeyed
      ? 'send them again under the same keys, which doubles none'
      : 'sending them again may double them';
    terminal.line(`  ${lines}: unknown whether Redis has them; ${advice}`);
  }
}
