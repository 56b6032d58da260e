import { open, rename, stat } from 'node:fs/promises';
import { WaybillError } from '../core/waybill-error.ts';

const LARGEST_LOG_BYTES = 1024 * 1024;
const TAIL_BYTES = 4096;
const TAIL_LINES = 6;

/** What redis-server says for a cause, as a rule for each; the first that fits counts. */
const CAUSES: readonly { code: string; says: RegExp; advice: string }[] = [
  {
    code: 'REDIS_DISK_FULL',
    says: /No space left on device/i,
    advice: 'make room on the disk of the data directory',
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
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size > LARGEST_LOG_BYTES) await rename(path, `${path}.1`);
  const file = await open(path, 'a', 0o600);
  const { size: start } = await file.stat();
  return { fd: file.fd, start, close: () => file.close() };
}

/** The last lines of the latest start, without process id and date. */
export async function lastWords(path: string, start = 0): Promise<string[]> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return [];
  try {
    const { size } = await file.stat();
    const from = Math.max(start, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.max(0, size - from)), 0, null, from);
    const text = buffer.toString('utf8', 0, bytesRead);
    const lines = text.slice(text.lastIndexOf('Redis is starting') + 1).split('\n');
    return lines
      .map(withoutPrefix)
      .filter((line) => line !== '')
      .slice(-TAIL_LINES);
  } finally {
    await file.close();
  }
}

function withoutPrefix(line: string): string {
  return line.replace(/^\d+:[A-Z] \d+ \w+ \d+ [\d:.]+ \S /, '').trim();
}

/** The error for a server that did not come up, with the cause that its log gives. */
export async function startFailure(path: string, what: string, start?: number): Promise<WaybillError> {
  const words = (await lastWords(path, start)).join(' | ');
  const cause = CAUSES.find(({ says }) => says.test(words));
  const said = words === '' ? `it left no word in ${path}` : `its last words in ${path}: ${words}`;
  const advice = cause ? ` (${cause.advice})` : '';
  return new WaybillError(
    cause?.code ?? 'REDIS_START_FAILED',
    `the embedded Redis ${what}${advice}; ${said}`,
  );
}
