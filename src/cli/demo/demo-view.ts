import { type ClientStatus, readClientStatus } from '../../queue/client-status.ts';
import type { Terminal } from '../terminal.ts';
import { formatCount } from '../terminal.ts';
import { COMPANY_NAMES, type CompanyName, type DemoWorld } from './demo-world.ts';

/** Where the events of each company are. */
export type Statuses = Readonly<Record<CompanyName, ClientStatus>>;

const EVERY_MS = 150;
const LINE_EVERY_MS = 1_000;

/** Reads where the events of all companies are. */
export async function readStatuses(world: DemoWorld): Promise<Statuses> {
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
