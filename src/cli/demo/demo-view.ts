import { setTimeout as sleep } from 'node:timers/promises';
import { formatCount } from '../../core/quantity-text.ts';
import { sum } from '../../core/sum.ts';
import type { SubmitResult } from '../../intake/submit-result.ts';
import { type ClientView, readClientViews } from '../../queue/client-view.ts';
import { canRedraw, createLiveScreen } from '../live-screen.ts';
import type { Terminal } from '../terminal.ts';
import {
  COMPANY_NAMES,
  type CompanyName,
  type DemoWorld,
  type PerCompany,
  perCompany,
} from './demo-world.ts';

/** Where the events of each company are. */
export type Statuses = PerCompany<ClientView>;

const EVERY_MS = 150;
const LINE_EVERY_MS = 1_000;
const PATIENCE_MS = 60_000;

/** Shows where the events are until a condition holds. @throws Error after a minute */
export async function watchUntil(
  { redis, config }: DemoWorld,
  terminal: Terminal,
  condition: (statuses: Statuses) => boolean,
): Promise<Statuses> {
  const screen = canRedraw(process.stdout) && !terminal.json ? createLiveScreen(process.stdout) : undefined;
  const started = performance.now();
  let lastLine = Number.NEGATIVE_INFINITY;
  try {
    for (;;) {
      const views = await readClientViews(redis, Object.values(config.clients));
      const statuses = perCompany((name) => views.get(name) as ClientView);
      const done = condition(statuses);
      const now = performance.now();
      if (screen !== undefined) screen.draw(COMPANY_NAMES.map((name) => row(terminal, name, statuses[name])));
      else if (done || now - lastLine >= LINE_EVERY_MS) {
        lastLine = now;
        terminal.line(`   ${COMPANY_NAMES.map((name) => summary(name, statuses[name])).join('; ')}`);
      }
      if (done) return statuses;
      if (now - started > PATIENCE_MS) throw new Error(`the demo did not get on within ${PATIENCE_MS} ms`);
      await sleep(EVERY_MS);
    }
  } finally {
    screen?.end();
  }
}

function summary(name: CompanyName, { delivered, retrying, dead }: ClientView): string {
  return `${name} ${delivered} delivered, ${retrying} retrying, ${dead} dead`;
}

function row(terminal: Terminal, name: CompanyName, status: ClientView): string {
  const shown = (count: number): string => formatCount(count).padStart(6);
  const counts = [
    `${shown(status.waiting + status.inFlight)} waiting`,
    terminal.style('yellow', `${shown(status.retrying)} retrying`),
    terminal.style('red', `${shown(status.dead)} dead`),
    terminal.style('green', `${shown(status.delivered)} delivered`),
  ];
  return `   ${name.padEnd(10)}${counts.join('  ')}`;
}

/** Adds up: what was accepted is compared with what the companies themselves received. */
export function takeAccount(
  world: DemoWorld,
  submitted: PerCompany<readonly SubmitResult[]>,
  statuses: Statuses,
  died: PerCompany<number>,
  seconds: number,
) {
  const clients = perCompany((name) => accountOf(world, name, submitted[name], statuses[name], died[name]));
  const names = Object.keys(clients.healthy) as (keyof typeof clients.healthy)[];
  const sums = names.map((name) => [name, COMPANY_NAMES.reduce((sum, one) => sum + clients[one][name], 0)]);
  const total = Object.fromEntries(sums) as typeof clients.healthy;
  return { clients, total, lost: total.missing, seconds: Math.round(seconds * 10) / 10 };
}

/** What became of the events of one company; `missing` were accepted and never arrived. */
function accountOf(
  { companies }: DemoWorld,
  name: CompanyName,
  submitted: readonly SubmitResult[],
  { delivered, failedAttempts, replayed, dead }: ClientView,
  died: number,
) {
  const { requests, tokenRequests, deliveredIds } = companies[name];
  const accepted = submitted.flatMap((result) => (result.outcome === 'accepted' ? [result.id] : []));
  return {
    submitted: submitted.length,
    accepted: accepted.length,
    delivered,
    failedAttempts: sum(failedAttempts),
    died,
    replayed,
    deadNow: dead,
    requests: requests.length,
    tokenRequests: tokenRequests.length,
    missing: accepted.filter((id) => !deliveredIds.has(id)).length,
  };
}

const HEAD = ['', 'accepted', 'delivered', 'failed', 'died', 'replayed', 'dead', 'tokens', 'missing'];

/** Prints the account as a table: failed attempts, dead letters now, token requests. */
export function printAccount(terminal: Terminal, { clients, total }: ReturnType<typeof takeAccount>): void {
  const rows = Object.entries({ ...clients, all: total }).map(([name, account]) => {
    const { accepted, delivered, failedAttempts, died, replayed, deadNow, tokenRequests, missing } = account;
    const counts = [accepted, delivered, failedAttempts, died, replayed, deadNow, tokenRequests, missing];
    return [name, ...counts.map(formatCount)];
  });
  terminal.table(HEAD, rows, [1, 2, 3, 4, 5, 6, 7, 8]);
}
