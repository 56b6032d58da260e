import type { SubmitResult } from '../../intake/submit-result.ts';
import { type ClientStatus, readClientStatus } from '../../queue/client-status.ts';
import { formatCount, type Terminal } from '../terminal.ts';
import { COMPANY_NAMES, type CompanyName, type DemoWorld } from './demo-world.ts';

/** Where the events of each company are. */
export type Statuses = Readonly<Record<CompanyName, ClientStatus>>;

const EVERY_MS = 150;
const LINE_EVERY_MS = 1_000;

async function readStatuses(world: DemoWorld): Promise<Statuses> {
  const entries = await Promise.all(
    COMPANY_NAMES.map(async (name) => [name, await readClientStatus(world.redis, name)] as const),
  );
  return Object.fromEntries(entries) as unknown as Statuses;
}

/**
 * Shows where the events are until a condition holds: redrawn in place on a terminal, else a line a second.
 *
 * @throws Error after `timeoutMs`
 */
export async function watchUntil(
  world: DemoWorld,
  terminal: Terminal,
  condition: (statuses: Statuses) => boolean,
  timeoutMs: number,
): Promise<Statuses> {
  const inPlace = process.stdout.isTTY === true;
  const started = performance.now();
  let drawn = 0;
  let lastLine = Number.NEGATIVE_INFINITY;
  for (;;) {
    const statuses = await readStatuses(world);
    const done = condition(statuses);
    const now = performance.now();
    if (inPlace || done || now - lastLine >= LINE_EVERY_MS) {
      if (inPlace && drawn > 0 && !terminal.json) process.stdout.write(`\u001b[${drawn}A\u001b[0J`);
      drawn = draw(terminal, statuses, inPlace);
      lastLine = now;
    }
    if (done) return statuses;
    if (now - started > timeoutMs) throw new Error(`the demo did not get on within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

function draw(terminal: Terminal, statuses: Statuses, inPlace: boolean): number {
  const cells = COMPANY_NAMES.map((name) => {
    const { waiting, inFlight, retrying, dead, delivered } = statuses[name];
    return { name, waiting: waiting + inFlight, retrying, dead, delivered };
  });
  if (!inPlace) {
    const parts = cells.map(
      (cell) => `${cell.name} ${cell.delivered} delivered, ${cell.retrying} retrying, ${cell.dead} dead`,
    );
    terminal.line(`   ${parts.join('; ')}`);
    return 1;
  }
  for (const cell of cells) {
    const counts = [
      `${formatCount(cell.waiting).padStart(6)} waiting`,
      terminal.style('yellow', `${formatCount(cell.retrying).padStart(6)} retrying`),
      terminal.style('red', `${formatCount(cell.dead).padStart(6)} dead`),
      terminal.style('green', `${formatCount(cell.delivered).padStart(6)} delivered`),
    ];
    terminal.line(`   ${cell.name.padEnd(10)}${counts.join('  ')}`);
  }
  return cells.length;
}

/** What became of the events of one company; `missing` were accepted and never arrived. */
export interface CompanyAccount {
  readonly submitted: number;
  readonly accepted: number;
  readonly delivered: number;
  readonly failedAttempts: number;
  readonly died: number;
  readonly replayed: number;
  readonly deadNow: number;
  readonly requests: number;
  readonly tokenRequests: number;
  readonly missing: number;
}

/** What became of every event of the demo. */
export interface Account {
  readonly clients: Readonly<Record<CompanyName, CompanyAccount>>;
  readonly total: CompanyAccount;
  readonly lost: number;
  readonly seconds: number;
}

/** Adds up: what was accepted is held against what the companies themselves received. */
export function takeAccount(
  world: DemoWorld,
  submitted: Readonly<Record<CompanyName, readonly SubmitResult[]>>,
  statuses: Statuses,
  died: Readonly<Record<CompanyName, number>>,
  seconds: number,
): Account {
  const entries = COMPANY_NAMES.map((name) => {
    const company = world.companies[name];
    const status = statuses[name];
    const accepted = submitted[name].flatMap((result) => (result.outcome === 'accepted' ? [result.id] : []));
    const account: CompanyAccount = {
      submitted: submitted[name].length,
      accepted: accepted.length,
      delivered: status.delivered,
      failedAttempts: Object.values(status.failedAttempts).reduce((sum, count) => sum + count, 0),
      died: died[name],
      replayed: status.replayed,
      deadNow: status.dead,
      requests: company.requests.length,
      tokenRequests: company.tokenRequests.length,
      missing: accepted.filter((id) => !company.deliveredIds.has(id)).length,
    };
    return [name, account] as const;
  });
  const clients = Object.fromEntries(entries) as unknown as Account['clients'];
  const total = entries.map(([, account]) => account).reduce(add);
  return { clients, total, lost: total.missing, seconds: Math.round(seconds * 10) / 10 };
}

function add(left: CompanyAccount, right: CompanyAccount): CompanyAccount {
  const keys = Object.keys(left) as (keyof CompanyAccount)[];
  return Object.fromEntries(keys.map((key) => [key, left[key] + right[key]])) as unknown as CompanyAccount;
}

const HEAD = ['', 'accepted', 'delivered', 'failed', 'died', 'replayed', 'dead', 'tokens', 'missing'];

/** Prints the account as a table: failed attempts, dead letters now, token requests. */
export function printAccount(terminal: Terminal, { clients, total }: Account): void {
  const row = (name: string, account: CompanyAccount) => [
    name,
    ...[
      account.accepted,
      account.delivered,
      account.failedAttempts,
      account.died,
      account.replayed,
      account.deadNow,
      account.tokenRequests,
      account.missing,
    ].map(formatCount),
  ];
  terminal.table(
    HEAD,
    [...COMPANY_NAMES.map((name) => row(name, clients[name])), row('all', total)],
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
}
