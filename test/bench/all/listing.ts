import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type PrivateRedis, startPrivateRedis } from '../private-redis.ts';
import { estimate } from '../statistics.ts';
import { addDeadLetters } from './dead-letters.ts';
import { type Row, rowOfRounds, rowOfValue } from './row.ts';
import { configOf, scaled } from './scene.ts';

const CLIENT = 'acme';
const LETTERS = 100_000;
const LEAST_LETTERS = 1_000;
const ROUNDS = 9;
const LEAST_ROUNDS = 1;
const COMMAND = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
const LOOK_EVERY_MS = 20;
const MEGABYTE = 1_024;

interface Listed {
  readonly seconds: number;
  readonly peakMegabytes: number;
  readonly rows: number;
}

/** 100,000 dead letters listed with a filter, by the command, from its start to its end; and what memory it takes. */
export async function measureListing(scale: number): Promise<readonly Row[]> {
  const letters = scaled(LETTERS, scale, LEAST_LETTERS);
  const rounds = scaled(ROUNDS, scale, LEAST_ROUNDS);
  const server = await startPrivateRedis();
  const all: Listed[] = [];
  let few: Listed;
  try {
    await addDeadLetters(server.connection, CLIENT, letters / 10);
    few = await list(server);
    await server.reset();
    await addDeadLetters(server.connection, CLIENT, letters);
    for (let round = 0; round < rounds; round += 1) all.push(await list(server));
  } finally {
    await server.close();
  }
  const expected = Math.ceil(letters / 100);
  const wrong = all.find(({ rows }) => rows !== expected);
  if (wrong !== undefined) throw new Error(`${wrong.rows} dead letters were listed, not ${expected}`);
  const peak = Math.max(...all.map(({ peakMegabytes }) => peakMegabytes));
  const of = `${letters.toLocaleString('en-US')} dead letters listed with a filter`;
  return [
    rowOfRounds(
      {
        name: of,
        goal: 3,
        better: 'less',
        unit: 's',
        detail: `dead-letters list --status 422 --json, which one in a hundred is, the command's start included`,
      },
      estimate(all.map(({ seconds }) => seconds)),
    ),
    rowOfValue(
      {
        name: `${of}: peak memory ÷ with a tenth as many`,
        goal: 1.5,
        better: 'less',
        detail: `bounded: it must not grow with their number; ${peak.toFixed(0)} and ${few.peakMegabytes.toFixed(0)} MB`,
      },
      peak / few.peakMegabytes,
    ),
  ];
}

async function list({ directory, socketPath }: PrivateRedis): Promise<Listed> {
  const file = join(directory, 'waybill.yaml');
  const config = { ...JSON.parse(configOf(1, { [CLIENT]: {} })), redis: { url: socketPath } };
  writeFileSync(file, JSON.stringify(config));
  const words = ['dead-letters', 'list', '--client', CLIENT, '--status', '422', '--json', '--config', file];
  const began = performance.now();
  const child = spawn(process.execPath, [COMMAND, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  let peakMegabytes = 0;
  const looks = setInterval(() => {
    peakMegabytes = Math.max(peakMegabytes, peakOf(child.pid ?? 0));
  }, LOOK_EVERY_MS);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = await once(child, 'close');
  clearInterval(looks);
  if (code !== 0) throw new Error(`the command ended with ${code}`);
  const seconds = (performance.now() - began) / 1_000;
  return { seconds, peakMegabytes, rows: (JSON.parse(output) as unknown[]).length };
}

/** The most memory that a process ever had; 0: it is gone. */
function peakOf(pid: number): number {
  try {
    return Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / MEGABYTE;
  } catch {
    return 0;
  }
}
