import { cpus } from 'node:os';
import Table from 'cli-table3';
import type { Turned } from './arena.ts';
import { CONTENDERS, type Contender } from './contenders.ts';
import type { Turns } from './rounds.ts';
import { describeVerdict, type Estimate, estimate, median, pairedRatios } from './statistics.ts';
import { CONCURRENCY } from './workload.ts';

type RatioName = 'deliveredOverUndici' | 'deliveredOverBullmq' | 'intakeOverDelivered';

interface Target {
  readonly label: string;
  readonly above: Contender;
  readonly below: Contender;
  readonly goal: number;
  readonly floor: number;
}

const TARGETS: Readonly<Record<RatioName, Target>> = {
  deliveredOverUndici: {
    label: 'waybill ÷ undici',
    above: 'waybill',
    below: 'undici',
    goal: 0.8,
    floor: 0.65,
  },
  deliveredOverBullmq: {
    label: 'waybill ÷ bullmq',
    above: 'waybill',
    below: 'bullmq',
    goal: 3.5,
    floor: 2.8,
  },
  intakeOverDelivered: { label: 'intake ÷ waybill', above: 'intake', below: 'waybill', goal: 3, floor: 3 },
};

const MEANING: Readonly<Record<Contender, string>> = {
  undici: 'bare undici',
  waybill: 'waybill, one worker process',
  bullmq: 'textbook BullMQ worker',
  intake: 'intake, submitMany into Redis',
  receiver: "the receiver's own limit",
};

/** A receiver this busy is what limits its contender. */
const SATURATED = 0.95;

type Figures = Pick<Estimate, 'median' | 'low' | 'high'>;

/** What was measured, and how. */
export interface Scene {
  /** The length of a turn. */
  readonly seconds: number;
  readonly redisVersion: string;
  readonly receiver: string;
  /** How bare undici was called. */
  readonly undici: string;
}

/** What `--json` prints. */
export interface Report {
  readonly blocks: number;
  /** In each block. */
  readonly rounds: number;
  readonly perSecond: Readonly<Record<Contender, Figures>>;
  readonly ratios: Readonly<Record<RatioName, Figures>>;
}

/** The figures of a run as one JSON value: events per second in whole ones, ratios with three digits. */
export function toReport(blocks: readonly Turns[]): Report {
  const speed = (name: Contender): Figures => figures(estimateSpeed(blocks, name), 0);
  const ratio = (name: RatioName): Figures => figures(estimateRatio(blocks, TARGETS[name]), 3);
  return {
    blocks: blocks.length,
    rounds: blocks[0]?.waybill.length ?? 0,
    perSecond: {
      undici: speed('undici'),
      bullmq: speed('bullmq'),
      waybill: speed('waybill'),
      intake: speed('intake'),
      receiver: speed('receiver'),
    },
    ratios: {
      deliveredOverUndici: ratio('deliveredOverUndici'),
      deliveredOverBullmq: ratio('deliveredOverBullmq'),
      intakeOverDelivered: ratio('intakeOverDelivered'),
    },
  };
}

/** The figures of a run as tables for people. */
export function toTables(blocks: readonly Turns[], scene: Scene): string {
  const [processor] = cpus();
  const rounds = blocks[0]?.waybill.length ?? 0;
  const about = [
    `${blocks.length} blocks of ${rounds} rounds, each block in processes of its own, ${scene.seconds} s a turn, ` +
      `${CONCURRENCY} requests in flight; receiver: ${scene.receiver}, bare undici: ${scene.undici}`,
    `Node ${process.version}, Redis ${scene.redisVersion}, ${cpus().length} × ${processor?.model ?? 'unknown'}`,
    "medians of the blocks' medians, with the interval that holds the true one with 95 % (sign test over blocks, from six on)",
  ];
  return [...about, speedTable(blocks), ratioTable(blocks)].join('\n');
}

function speedTable(blocks: readonly Turns[]): string {
  const table = plainTable(
    ['', 'events/s', 'low – high', 'CPU µs/event', 'receiver busy'],
    ['left', 'right', 'right', 'right', 'left'],
  );
  for (const name of CONTENDERS) {
    const turns = blocks.flatMap((block) => block[name]);
    const { median: middle, low, high } = estimateSpeed(blocks, name);
    const cpu = median(turns.map(({ cpuMicroseconds }) => cpuMicroseconds));
    table.push([
      MEANING[name],
      whole(middle),
      `${whole(low)} – ${whole(high)}`,
      cpu.toFixed(1),
      busyness(name, turns),
    ]);
  }
  return table.toString();
}

/** How busy the receiver was, and what that says about the figure beside it. */
function busyness(name: Contender, turns: readonly Turned[]): string {
  const shares = turns.flatMap(({ receiverBusy }) => receiverBusy ?? []);
  if (shares.length === 0) return '';
  const busy = median(shares);
  const percent = `${Math.round(busy * 100)} %`;
  if (name === 'receiver') return busy >= SATURATED ? percent : `${percent}: the limit is higher still`;
  return busy >= SATURATED ? `${percent}: the receiver is the limit` : percent;
}

function ratioTable(blocks: readonly Turns[]): string {
  const table = plainTable(
    ['', 'ratio', '95 % interval', 'goal', 'floor', 'verdict'],
    ['left', 'right', 'right', 'right', 'right', 'left'],
  );
  for (const target of Object.values(TARGETS)) {
    const measured = estimateRatio(blocks, target);
    table.push([
      target.label,
      measured.median.toFixed(2),
      `${measured.low.toFixed(2)} – ${measured.high.toFixed(2)}`,
      String(target.goal),
      String(target.floor),
      describeVerdict(measured, target.goal, target.floor),
    ]);
  }
  return table.toString();
}

/** A table without colours: it goes into files and notes. */
export function plainTable(head: string[], colAligns: ('left' | 'right')[]): Table.Table {
  return new Table({ head, colAligns, style: { head: [], border: [], compact: true } });
}

function estimateSpeed(blocks: readonly Turns[], name: Contender): Estimate {
  return estimate(blocks.map((turns) => median(perSecond(turns[name]))));
}

function estimateRatio(blocks: readonly Turns[], { above, below }: Target): Estimate {
  return estimate(
    blocks.map((turns) => median(pairedRatios(perSecond(turns[above]), perSecond(turns[below])))),
  );
}

function perSecond(turns: readonly Turned[]): number[] {
  return turns.map((turn) => turn.perSecond);
}

function figures({ median: middle, low, high }: Estimate, digits: number): Figures {
  const round = (value: number): number => Number(value.toFixed(digits));
  return { median: round(middle), low: round(low), high: round(high) };
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
