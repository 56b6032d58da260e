import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';
import { generateKey } from '../../src/api/keys.ts';
import type { ClientSettings, Company } from '../../src/sandbox/company.ts';
import { openPage } from '../support/browser.ts';
import { uniqueClientName } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { servicePlace } from '../support/service-place.ts';
import type { WaybillProcess } from '../support/waybill-process.ts';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const WAIT = { timeoutMs: 60_000 };
/** How soon events are given up on. */
export const QUICK = { retries: 1, baseDelayMs: 50, factor: 1, maxDelayMs: 50, jitter: 0 };

/** A service with clients that companies of a sandbox play, and browsers that look at its console. */
export interface ConsoleScene {
  readonly address: string;
  readonly service: WaybillProcess;
  /** Starts the service again, with other settings. */
  restart(others: object): Promise<void>;
  readonly keys: Readonly<Record<'operator' | 'reader', string>>;
  /** The client's full name, and the company that plays it. */
  client(short: string): { readonly name: string; readonly company: Company };
  send(short: string, count: number, from?: number): Promise<void>;
  /** Submits these payloads by HTTP; fails where one is not taken. */
  submit(short: string, payloads: readonly object[]): Promise<void>;
  /** Asks the API as the operator. */
  get(path: string): Promise<unknown>;
  /** A page that is logged in. It breaks the test if it logs an error, asks anybody else or breaks its policy. */
  open(hash?: string, options?: OpenOptions): Promise<Page>;
}

interface OpenOptions {
  readonly key?: 'operator' | 'reader';
  /** Requests to the service may fail in this test. */
  readonly mayFail?: boolean;
  /** Instead of the service's own address. */
  readonly by?: string;
  /** Of the browser. */
  readonly flags?: readonly string[];
}

interface SceneOptions {
  readonly clients: Readonly<Record<string, Partial<ClientSettings>>>;
  readonly others?: object;
  readonly workers?: number;
}

/** Starts the built service; all is gone when the test is over. */
export async function consoleScene({
  clients,
  others = {},
  workers = 1,
}: SceneOptions): Promise<ConsoleScene> {
  const sandbox = testSandbox();
  const played = new Map<string, { name: string; company: Company }>();
  const settings: Record<string, unknown> = {};
  for (const [short, more] of Object.entries(clients)) {
    const name = `${short}-${uniqueClientName()}`;
    const company = await sandbox.company(name, { script: 200 });
    played.set(short, { name, company });
    settings[name] = company.clientSettings({
      endpoints: { disposition_update: {} },
      retry: QUICK,
      ...more,
    });
  }
  const made = { operator: generateKey(), reader: generateKey() };
  const keys = [
    { name: 'night-shift', sha256: made.operator.sha256, scopes: ['read', 'operate', 'submit'] },
    { name: 'onlooker', sha256: made.reader.sha256, scopes: ['read'] },
  ];
  const place = servicePlace();
  let service: WaybillProcess;
  let address = '';
  const start = async (more: object): Promise<void> => {
    place.configure(settings, { http: { port: 0, keys }, ...more });
    service = place.start(workers);
    ({ address } = (await service.waitForLine('http api listens', WAIT)) as unknown as { address: string });
  };
  await start(others);
  const client = (short: string) => {
    const found = played.get(short);
    if (found === undefined) throw new TypeError(`there is no client "${short}"`);
    return found;
  };
  return {
    get address() {
      return address;
    },
    get service() {
      return service;
    },
    restart: start,
    keys: { operator: made.operator.key, reader: made.reader.key },
    client,
    send: (short, count, from) => place.send(client(short).name, count, from),
    async submit(short, payloads) {
      const { status } = await fetch(
        `${address}/v1/clients/${client(short).name}/events/disposition_update`,
        {
          method: 'POST',
          headers: { authorization: `Bearer ${made.operator.key}`, 'content-type': 'application/json' },
          body: JSON.stringify(payloads),
        },
      );
      expect(status).toBe(202);
    },
    async get(path) {
      const headers = { authorization: `Bearer ${made.operator.key}` };
      return (await fetch(`${address}${path}`, { headers })).json();
    },
    async open(hash = '', { key = 'operator', mayFail = false, by = address, flags = [] } = {}) {
      const page = await watchedPage(by, mayFail, flags);
      await page.goto(`${by}/console${hash}`);
      await page.getByLabel('Key of the HTTP API').fill(made[key].key);
      await page.getByRole('button', { name: 'Enter' }).click();
      await page.getByRole('navigation', { name: 'Pages', exact: true }).waitFor();
      return page;
    },
  };
}

/** What a browser says of a failed request; the page tells of it in its own words. */
const FAILED_REQUEST = /Failed to load resource|net::ERR_/;

async function watchedPage(address: string, mayFail: boolean, flags: readonly string[]): Promise<Page> {
  const page = await openPage(...flags);
  const faults: string[] = [];
  page.on('console', (message) => {
    const isExpected = mayFail && FAILED_REQUEST.test(message.text());
    if (['error', 'warning'].includes(message.type()) && !isExpected) faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(String(error.stack)));
  page.on('request', (request) => {
    const isOwn = request.url().startsWith(`${address}/`) || /^(?:data|blob):/.test(request.url());
    if (!isOwn) faults.push(`asked ${request.url()}`);
  });
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  onTestFinished(() => expect(faults).toEqual([]));
  return page;
}

/** What is told of a page by axe-core that is serious, a line each. */
export async function seriousFaults(page: Page): Promise<string[]> {
  // The page's own policy keeps scripts out that are not its own.
  const axe = await page.context().newCDPSession(page);
  await axe.send('Runtime.evaluate', { expression: readFileSync(AXE, 'utf8') });
  const { result } = await axe.send('Runtime.evaluate', {
    expression: 'axe.run().then(({ violations }) => JSON.stringify(violations))',
    awaitPromise: true,
    returnByValue: true,
  });
  await axe.detach();
  const violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[] =
    JSON.parse(String(result.value));
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`)}`);
}

/** The text of the page as a reader has it, blanks as one. */
export async function textOf(page: Page): Promise<string> {
  return (await page.locator('main').innerText()).replace(/\s+/g, ' ');
}

/** Whether a part of the page lies beyond its right edge. */
export function isTooWide(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth');
}
