import { type Command, Option } from 'commander';
import {
  parseDurationMs,
  parseRatePerSecond,
  parseShare,
  showMs,
  showRate,
} from '../../loadtest/quantities.ts';
import type { Capacity, CapacityOptions } from '../../sandbox/capacity.ts';
import { optionParser, wholeNumber } from '../parse-options.ts';
import { UsageError } from '../run-command.ts';

/** The flags that give the sandbox a capacity. Rates per second, times in milliseconds, shares from 0 to 1. */
export interface CapacityFlags {
  readonly capacity?: number;
  readonly latency?: number;
  readonly latencySpread?: number;
  readonly onOverload?: 'queue' | '503' | '429';
  readonly queue?: number;
  readonly declaredLimit?: number;
}

const DEFAULT_LATENCY_MS = 20;

const readRate = optionParser(
  (text) => parseRatePerSecond(text) || undefined,
  'It is a rate, such as 300/s.',
);
const readTime = optionParser(parseDurationMs, 'It is a time, such as 40ms.');
const readShare = optionParser(parseShare, 'It is a share up to 100%, such as 20%.');
const readQueue = wholeNumber(0, 9_999_999, 'It is a whole number, such as 50.');

/** Adds the flags. */
export function withCapacityFlags(command: Command): Command {
  return command
    .option('--capacity <rate>', 'serve so much at most, such as 300/s, and let the rest wait', readRate)
    .option('--latency <time>', `what a request takes (${DEFAULT_LATENCY_MS}ms with --capacity)`, readTime)
    .option('--latency-spread <share>', 'how far single requests are from it, such as 20%', readShare)
    .addOption(
      new Option(
        '--on-overload <what>',
        'of a request that finds the queue full (default: queue, without end)',
      ).choices(['queue', '503', '429']),
    )
    .option('--queue <n>', "how many may wait, with 503 or 429 (default: a second's worth)", readQueue)
    .option('--declared-limit <rate>', 'answer 429 beyond this rate, such as 80/s', readRate);
}

/** What the flags ask for; undefined: nothing. @throws UsageError where they contradict each other */
export function capacityOf(flags: CapacityFlags): CapacityOptions | undefined {
  expectTogether(flags);
  const { capacity, latency, latencySpread = 0, declaredLimit, queue = Math.ceil(capacity ?? 0) } = flags;
  if (capacity === undefined && latency === undefined && declaredLimit === undefined) return undefined;
  return {
    ...(capacity === undefined ? {} : { ratePerSecond: capacity }),
    latencyMs: latency ?? (capacity === undefined ? 0 : DEFAULT_LATENCY_MS),
    latencySpread,
    onOverload: ON_OVERLOAD[flags.onOverload ?? 'queue'],
    queue,
    ...(declaredLimit === undefined ? {} : { declaredLimitPerSecond: declaredLimit }),
  };
}

const ON_OVERLOAD = { queue: 'queue', 503: 503, 429: 429 } as const;

function expectTogether({ capacity, latency, latencySpread, onOverload, queue }: CapacityFlags): void {
  const refuses = onOverload === '503' || onOverload === '429';
  if (onOverload !== undefined && capacity === undefined) throw needs('--on-overload', '--capacity');
  if (queue !== undefined && !refuses) throw needs('--queue', '--on-overload 503 or 429');
  const hasLatency = latency !== undefined || capacity !== undefined;
  if (latencySpread !== undefined && !hasLatency) throw needs('--latency-spread', '--latency');
}

/** What it takes, for people: a sentence or two. */
export function describeCapacity(options: CapacityOptions, { servers }: Pick<Capacity, 'servers'>): string {
  const { ratePerSecond, latencyMs, latencySpread, onOverload, queue, declaredLimitPerSecond } = options;
  const spread = latencySpread === 0 ? '' : ` ± ${latencySpread * 100} %`;
  const each = `${showMs(latencyMs)}${spread} each`;
  const beyond = onOverload === 'queue' ? 'the rest waits' : `${queue} may wait, the rest gets ${onOverload}`;
  const served =
    ratePerSecond === undefined
      ? `Requests take ${each}.`
      : `It serves ${showRate(ratePerSecond)}: ${servers} at a time, ${each}; ${beyond}.`;
  if (declaredLimitPerSecond === undefined) return served;
  return `${served} Beyond ${showRate(declaredLimitPerSecond)} it answers 429.`;
}

function needs(flag: string, other: string): UsageError {
  return new UsageError(`${flag} needs ${other}`);
}
