import { parseArgs } from 'node:util';
import type { RedisKind } from './plan.ts';

/** What the command line asks for. */
export interface Options {
  readonly seconds: number;
  /** Repeats the plan of an earlier run. */
  readonly seed: number;
  /** Each kind of fault once, at fixed times, instead of a plan that is drawn. */
  readonly fixed: boolean;
  readonly json: boolean;
  readonly redis: RedisKind;
}

export const USAGE =
  'npm run chaos -- [--seconds N] [--seed N] [--redis one|sentinel|cluster] [--json]\nnpm run chaos -- --fixed [--redis one|sentinel|cluster] [--json]\n';

const SECONDS = 120;
const LARGEST_SEED = 0xffff_ffff;

/** Reads the command line; `newSeed` where it gives none. @throws Error, in a sentence */
export function readOptions(words: readonly string[], newSeed: number): Options {
  const { values } = parseArgs({
    args: [...words],
    options: {
      seconds: { type: 'string' },
      seed: { type: 'string' },
      fixed: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      redis: { type: 'string', default: 'one' },
    },
  });
  return {
    seconds: readWhole('--seconds', values.seconds, SECONDS, 5, 86_400),
    seed: readWhole('--seed', values.seed, newSeed, 0, LARGEST_SEED),
    fixed: values.fixed,
    json: values.json,
    redis: readRedis(values.redis),
  };
}

function readRedis(text: string): RedisKind {
  if (text === 'one' || text === 'sentinel' || text === 'cluster') return text;
  throw new Error(`--redis ${text}: must be one, sentinel or cluster`);
}

function readWhole(
  option: string,
  text: string | undefined,
  otherwise: number,
  least: number,
  most: number,
): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new Error(`${option} ${text}: must be a whole number from ${least} to ${most}`);
  }
  return value;
}
