import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { dispositionUpdate } from '../../src/core/event-types/disposition-update.ts';
import { testRedisPath, uniqueClientName } from '../support/redis.ts';
import { testDirectory } from '../support/waybill-process.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const TYPE = 'disposition_update';
const MIB = 1024 * 1024;
/** Of a process that keeps nothing: node itself, 64 KiB at a time, and what is yet to be collected. */
const MOST_RSS_MIB = 300;

interface Sent {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The most memory that the process had at one time. */
  readonly rssMiB: number;
}

/** Starts `send` on stdin or on a file. Gone when the test is over. */
function startSend(words: readonly string[] = [], file = '-'): ChildProcess {
  const directory = testDirectory();
  const name = uniqueClientName();
  const acme = { baseUrl: 'https://returns.acme.example', endpoints: { [TYPE]: '/d' } };
  const config = join(directory, 'waybill.yaml');
  writeFileSync(config, JSON.stringify({ redis: { url: testRedisPath() }, clients: { [name]: acme } }));
  const child = spawn(process.execPath, [MAIN, 'send', name, TYPE, file, '--config', config, ...words], {
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  child.stdin?.on('error', () => {});
  return child;
}

async function text(child: ChildProcess, name: 'stdout' | 'stderr'): Promise<string> {
  let all = '';
  for await (const chunk of child[name] as AsyncIterable<Buffer>) all += chunk.toString('utf8');
  return all;
}

function peakRss({ pid }: ChildProcess): number {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) / 1024;
}

/** Feeds `send` with a chunk again and again, then with the rest, and waits for its end. */
async function send(
  chunk: Uint8Array,
  times: number,
  rest: string,
  words?: readonly string[],
): Promise<Sent> {
  const child = startSend(words);
  const ended = once(child, 'close');
  const out = Promise.all([text(child, 'stdout'), text(child, 'stderr')]);
  const { stdin } = child;
  if (stdin === null) throw new Error('there is no stdin');
  for (let n = 0; n < times; n++) if (!stdin.write(chunk)) await once(stdin, 'drain');
  // All but the last chunks have been read by now, and the process is still there.
  const rssMiB = peakRss(child);
  stdin.end(rest);
  const [code] = (await ended) as [number | null];
  const [stdout, stderr] = await out;
  return { code, stdout, stderr, rssMiB };
}

const EVENT = JSON.stringify(dispositionUpdate.sample);

test.each([
  [
    'a line without end',
    'x',
    100,
    `\n${EVENT}`,
    /^1 accepted, 1 refused\n {2}id \S+\n {2}line 1: is longer than 1 MiB\n/,
  ],
  [
    '100 MB of blanks',
    ' ',
    100,
    `x\n${EVENT}`,
    /^1 accepted, 1 refused\n {2}id \S+\n {2}line 1: is not JSON: /,
  ],
  ['brackets', '[', 100, '', /^0 accepted, 1 refused\n {2}line 1: is longer than 1 MiB\n/],
  ['texts and brackets', '["x', 20, '', /^0 accepted, 1 refused\n {2}line 1: is /],
  ['zeros', '\u0000', 50, '', /^0 accepted, 1 refused\n {2}line 1: is longer than 1 MiB\n/],
  ['an array that never closes', `[${EVENT},`, 0.5, '', /^1 accepted, [\d,]+ refused\n/],
])('%s: refused, in little memory', { timeout: 120_000 }, async (_name, unit, mib, rest, printed) => {
  const chunk = Buffer.alloc(Math.min(mib, 1) * MIB, unit);
  const sent = await send(chunk, Math.ceil(mib), rest);
  expect(sent.stderr).not.toMatch(/\s{4}at /);
  expect(sent.stdout).toMatch(printed);
  expect(sent.code).toBe(3);
  expect(sent.rssMiB).toBeLessThan(MOST_RSS_MIB);
});

test('very many lines of nothing sensible: each is counted, in little memory', {
  timeout: 120_000,
}, async () => {
  const lines = Buffer.from('\u001b[2J\n"\ud800"\nnull\n1e400\n{}\n[}\n'.repeat(10_000));
  const sent = await send(lines, 1, '');
  expect(sent.stdout).toMatch(/^0 accepted, 60,000 refused\n/);
  expect(sent.stdout).not.toMatch(/[^\P{Cc}\n]/u);
  expect(sent.code).toBe(3);
  expect(sent.rssMiB).toBeLessThan(MOST_RSS_MIB);
});

test('a little gzip data that becomes 512 MiB is unpacked in little memory', {
  timeout: 120_000,
}, async () => {
  const file = join(testDirectory(), 'bomb.gz');
  const blanks = gzipSync(Buffer.alloc(64 * MIB, ' '));
  writeFileSync(file, Buffer.concat([...Array.from({ length: 8 }, () => blanks), gzipSync(EVENT)]));
  const child = startSend([], file);
  const out = Promise.all([text(child, 'stdout'), text(child, 'stderr')]);
  let rssMiB = 0;
  const measuring = setInterval(() => {
    if (child.exitCode === null) rssMiB = Math.max(rssMiB, peakRss(child) || 0);
  }, 20);
  onTestFinished(() => clearInterval(measuring));
  expect(await once(child, 'close')).toEqual([0, null]);
  expect((await out)[0]).toMatch(/^1 accepted, 0 refused\n/);
  expect(rssMiB).toBeGreaterThan(50);
  expect(rssMiB).toBeLessThan(MOST_RSS_MIB);
});

test('a device without end is read until it is stopped, in little memory', {
  timeout: 60_000,
}, async () => {
  const child = startSend([], '/dev/zero');
  const ended = once(child, 'close');
  const out = Promise.all([text(child, 'stdout'), text(child, 'stderr')]);
  await expect.poll(() => bytesRead(child), { timeout: 50_000, interval: 50 }).toBeGreaterThan(200 * MIB);
  const rssMiB = peakRss(child);
  child.kill('SIGINT');
  expect(await ended).toEqual([130, null]);
  const [, stderr] = await out;
  expect(stderr).toContain('Interrupted');
  expect(rssMiB).toBeLessThan(MOST_RSS_MIB);
});

function bytesRead({ pid }: ChildProcess): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
}
