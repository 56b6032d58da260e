import type { SubmitResult } from '../../intake/submit-result.ts';
import { formatCount, type Terminal } from '../terminal.ts';
import type { Statuses } from './demo-view.ts';
import { COMPANY_NAMES, type CompanyName, type DemoWorld } from './demo-world.ts';

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
