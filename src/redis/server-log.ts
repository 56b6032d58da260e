import { open, readFile, rename, stat } from 'node:fs/promises';
import { WaybillError } from '../core/waybill-error.ts';

const LARGEST_LOG_BYTES = 1024 * 1024;
const TAIL_BYTES = 4096;
const TAIL_LINES = 6;

/** What redis-server says for a cause, as a rule for each; the first that fits counts. */
const CAUSES: readonly { code: string; says: RegExp; advice: string }[] = [
  {
    code: 'REDIS_DISK_FULL',
    // A write that was cut short is what a disk gives that has room for a part of it.
    says: /No space left on device|Disk quota exceeded|File too large|Short write while writing to the AOF/i,
    advice: 'no room to write its file: make room on the disk of the data directory',
  },
  {
    code: 'REDIS_DATA_CORRUPT',
    says: /Bad file format|Unexpected end of file|Error reading .*append only file|AOF .*(?:corrupt|doesn't exist)|Wrong signature|RDB.*(?:checksum|corrupt)/i,
    advice: 'its append-only file is damaged; copy the directory, then repair it with redis-check-aof --fix',
  },
  {
    code: 'REDIS_DATA_DIR',
    says: /Permission denied|Read-only file system/i,
    advice: 'the data directory must be writable for this user',
  },
];

/** Opens the log for a server's output, with a full one set aside; says where the new lines begin. */
export async function openLog(path: string): Promise<{ fd: number; start: number; close(): Promise<void> }> {
  const present = await stat(path).catch(() => undefined);
  if (present && present.size > LARGEST_LOG_BYTES) await rename(path, `${path}.1`);
  const file = await open(path, 'a', 0o600);
  const { size: start } = await file.stat();
  return { fd: file.fd, start, close: () => file.close() };
}

/**
 * What a server says if it dropped the end of its file, which a crash in the middle of a write leaves
 * unfinished; undefined if it did not. Reads the log from `start` on.
 */
export async function droppedEnd(path: string, start: number): Promise<string | undefined> {
  // Not only its last words: how much a server says beside it depends on the system and on its version.
  const text = await readTail(path, start, LARGEST_LOG_BYTES);
  return text
    .split('\n')
    .map(withoutPrefix)
    .find((line) => /Truncating the AOF/i.test(line))
    ?.replaceAll('!', '')
    .trim();
}

/** The last bytes of a log, from `start` on at the earliest; '' if there is none. */
async function readTail(path: string, start: number, bytes: number): Promise<string> {
  const log = await readFile(path).catch(() => Buffer.alloc(0));
  return log.subarray(Math.max(start, log.length - bytes)).toString();
}

function lastWords(lines: readonly string[]): string[] {
  return lines
    .map(withoutPrefix)
    .filter((line) => line !== '')
    .slice(-TAIL_LINES);
}

/** Without process id and date. */
function withoutPrefix(line: string): string {
  return line.replace(/^\d+:[A-Z] \d+ \w+ \d+ [\d:.]+ \S /, '').trim();
}

/** The error for a server that did not come up, with the cause that its log gives. */
export async function startFailure(path: string, what: string, start = 0): Promise<WaybillError> {
  const text = await readTail(path, start, TAIL_BYTES);
  const words = lastWords(text.slice(text.lastIndexOf('Redis is starting') + 1).split('\n'));
  return explain(path, what, words) ?? new WaybillError('REDIS_START_FAILED', tell(path, what, words));
}

/**
 * Why the server of this process id has ended, if its log tells a cause that an operator can mend. Another
 * user may have started the next one already, whose lines then come after.
 */
export async function endCause(path: string, pid: number): Promise<WaybillError | undefined> {
  const text = await readTail(path, 0, 4 * TAIL_BYTES);
  const own = text.split('\n').filter((line) => line.startsWith(`${pid}:`));
  return explain(path, 'has ended', lastWords(own));
}

function explain(path: string, what: string, words: readonly string[]): WaybillError | undefined {
  const cause = CAUSES.find(({ says }) => says.test(words.join('\n')));
  return cause && new WaybillError(cause.code, tell(path, `${what} (${cause.advice})`, words));
}

function tell(path: string, what: string, words: readonly string[]): string {
  const said =
    words.length === 0 ? `it left no word in ${path}` : `its last words in ${path}: ${words.join(' | ')}`;
  return `the embedded Redis ${what}; ${said}`;
}
