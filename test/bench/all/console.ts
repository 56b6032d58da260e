import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from 'playwright-core';
import { parseConfig } from '../../../src/config/load-config.ts';
import { openIntake } from '../../../src/service/open-intake.ts';
import { CHROMIUM, CHROMIUM_FLAGS } from '../../support/chromium.ts';
import { estimate, median } from '../statistics.ts';
import { payloads } from '../workload.ts';
import { addDeadLetters } from './dead-letters.ts';
import { type Row, rowOfRounds, rowOfValue, rowToTell } from './row.ts';
import { configOf, type Scene, scaled, withScene } from './scene.ts';
import { untilThrough } from './until-through.ts';

const COMMAND = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
const KEY = 'a-key-of-the-benchmark-and-of-nothing-else';
const CONSOLES = 10;
const CLIENTS = 1_000;
const LEAST_CLIENTS = 10;
const LETTERS = 100_000;
const LEAST_LETTERS = 500;
const WINDOW_MS = 60_000;
const LEAST_MS = 500;
const SETTLE_MS = 5_000;
const ROUNDS = 40;
/** About four seconds. */
const EVENTS = 40_000;
const LEAST_EVENTS = 200;
const FRAMES_MS = 5_000;
const LIMIT_MS = 120_000;
/** Linux counts processor time so. */
const TICK_MS = 10;
const BUSY = 'acme-0';

/** A service with its HTTP API. */
interface Service {
  readonly address: string;
  readonly config: string;
  /** Processor time of all its processes, in ms. */
  cpuMs(): number;
  /** Of the one alone that consoles talk to. */
  ownCpuMs(): number;
  end(): Promise<void>;
}

/** What ten open consoles cost a service of 1,000 clients, and how fast the page itself is. */
export function measureConsole(scale: number): Promise<readonly Row[]> {
  return withScene(async (scene) => {
    const clients = scaled(CLIENTS, scale, LEAST_CLIENTS);
    await addDeadLetters(scene.redis.connection, BUSY, scaled(LETTERS, scale, LEAST_LETTERS));
    const service = await startService(scene, clients);
    try {
      const page = CHROMIUM === undefined ? [] : await rowsOfPage(service, scale);
      return [await rowOfIdle(service, clients, scale), await rowOfEvents(scene, service, scale), ...page];
    } finally {
      await service.end();
    }
  });
}

async function startService({ redis, port }: Scene, clients: number): Promise<Service> {
  const names = Array.from({ length: clients }, (_, n) => [`acme-${n}`, {}]);
  const sha256 = createHash('sha256').update(KEY).digest('hex');
  const config = JSON.stringify({
    ...JSON.parse(configOf(port, Object.fromEntries(names))),
    redis: { url: redis.socketPath },
    http: { port: 0, keys: [{ name: 'bench', sha256, scopes: ['read'] }] },
  });
  const file = join(redis.directory, 'waybill.yaml');
  writeFileSync(file, config);
  const words = [COMMAND, 'start', '--workers', '1', '--config', file];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const end = async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  };
  const address = await addressOf(child);
  return {
    address,
    config,
    end,
    cpuMs: () => cpuOf(child.pid ?? 0),
    ownCpuMs: () => ownCpuOf(child.pid ?? 0),
  };
}

/** Reads all that a service says, and finds where it listens. */
function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the service ended with ${code}`)));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.includes('"http api listens"')) resolve(JSON.parse(line).address);
    });
  });
}

/** Of a process and its children, in ms. */
function cpuOf(pid: number): number {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) => {
    const text = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  });
  return children.reduce((sum, child) => sum + cpuOf(child), ownCpuOf(pid));
}

function ownCpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Opens `count` streams as consoles do, and reads them to their end. @returns what ends them */
function openStreams({ address }: Service, count: number): () => void {
  const abort = new AbortController();
  const headers = { authorization: `Bearer ${KEY}` };
  for (let n = 0; n < count; n += 1) {
    void fetch(`${address}/v1/live`, { headers, signal: abort.signal })
      .then(async ({ body }) => {
        for await (const _ of body ?? []);
      })
      .catch(() => {});
  }
  return () => abort.abort();
}

async function rowOfIdle(service: Service, clients: number, scale: number): Promise<Row> {
  const windowMs = scaled(WINDOW_MS, scale, LEAST_MS);
  const share = async () => {
    await pause(scaled(SETTLE_MS, scale, LEAST_MS));
    const [cpu, at] = [service.cpuMs(), performance.now()];
    await pause(windowMs);
    return ((service.cpuMs() - cpu) / (performance.now() - at)) * 100;
  };
  const alone = await share();
  const close = openStreams(service, CONSOLES);
  const watched = await share();
  close();
  return rowOfValue(
    {
      name: 'ten open consoles: processor',
      goal: 2,
      better: 'less',
      unit: '%',
      detail: `of one processor, beyond the ${alone.toFixed(2)} % of the same service without; ${clients.toLocaleString('en-US')} clients, ${windowMs / 1_000} s each`,
    },
    Math.max(0, watched - alone),
  );
}

async function rowOfEvents(scene: Scene, service: Service, scale: number): Promise<Row> {
  const events = scaled(EVENTS, scale, LEAST_EVENTS);
  const rounds = scaled(ROUNDS, scale, 1);
  const found = { on: [] as number[], off: [] as number[] };
  const all: number[] = [];
  const intake = await openIntake(parseConfig(service.config, 'waybill.yaml', {}), {
    socketPath: scene.redis.socketPath,
  });
  let delivered = 0;
  const turn = async (consoles: number): Promise<number> => {
    const close = openStreams(service, consoles);
    const [cpu, own] = [service.cpuMs(), service.ownCpuMs()];
    await intake.submitMany(BUSY, 'disposition_update', payloads(events));
    delivered += events;
    const dead = scaled(LETTERS, scale, LEAST_LETTERS);
    await untilThrough(scene.redis.connection, BUSY, delivered + dead, LIMIT_MS);
    close();
    all.push(((service.cpuMs() - cpu) * 1_000) / events);
    return ((service.ownCpuMs() - own) * 1_000) / events;
  };
  try {
    await turn(0);
    for (let round = 0; round < rounds; round += 1) {
      for (const side of round % 2 === 0 ? (['on', 'off'] as const) : (['off', 'on'] as const)) {
        found[side].push(await turn(side === 'on' ? CONSOLES : 0));
      }
    }
  } finally {
    await intake.close();
  }
  return rowOfRounds(
    {
      name: 'an event with ten open consoles ÷ without',
      goal: 1.03,
      better: 'less',
      digits: 3,
      detail: `processor time of the service: what its main process, which has the consoles, takes more with them, beside ${median(all).toFixed(1)} µs of all its processes; ${rounds} rounds of ${events.toLocaleString('en-US')} events`,
    },
    // The workers know nothing of consoles, and vary by more from turn to turn than these cost.
    estimate(found.on.map((on, round) => 1 + (on - (found.off[round] ?? on)) / median(all))),
  );
}

async function rowsOfPage({ address }: Service, scale: number): Promise<Row[]> {
  const browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: CHROMIUM_FLAGS });
  try {
    const context = await browser.newContext();
    await context.addInitScript(`sessionStorage.setItem('waybill-key', '${KEY}')`);
    const page = await context.newPage();
    const overviewMs = await timeTo(page, `${address}/console`);
    const framesPerSecond = Number(await page.evaluate(FRAMES(scaled(FRAMES_MS, scale, LEAST_MS))));
    const overviewRows = await page.locator('tbody tr').count();
    const lettersMs = await timeTo(page, `${address}/console?letters#/dead-letters`);
    const letterRows = await page.locator('tbody tr').count();
    const detail = `Chromium without graphics, ${overviewRows} and ${letterRows} rows in the document`;
    return [
      rowToTell({ name: 'overview: time to first view', unit: 'ms', digits: 0, detail }, overviewMs),
      rowToTell({ name: 'dead letters: time to first view', unit: 'ms', digits: 0, detail }, lettersMs),
      rowToTell(
        {
          ...{ name: 'overview: frames per second', digits: 0 },
          detail: 'while it scrolls, and the stream goes on',
        },
        framesPerSecond,
      ),
      rowOfValue(
        { name: 'rows in the document', goal: 200, better: 'less', digits: 0, detail: 'of either list' },
        Math.max(overviewRows, letterRows),
      ),
    ];
  } finally {
    await browser.close();
  }
}

/** From the request for the page until a list of it is there. */
async function timeTo(page: Page, url: string): Promise<number> {
  const began = performance.now();
  await page.goto(url);
  await page.locator('tbody tr').last().waitFor();
  return performance.now() - began;
}

/** Runs in the page: counts frames while it scrolls, for `ms` milliseconds. */
const FRAMES = (ms: number) => `new Promise((resolve) => {
  const began = performance.now();
  let frames = 0;
  const step = () => {
    frames += 1;
    const passed = performance.now() - began;
    scrollTo(0, (passed * 2) % document.documentElement.scrollHeight);
    if (passed < ${ms}) requestAnimationFrame(step);
    else resolve((frames * 1000) / passed);
  };
  requestAnimationFrame(step);
})`;
