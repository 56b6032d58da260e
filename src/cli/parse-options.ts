import { InvalidArgumentError } from 'commander';
import { parseDurationMs, parseRatePerSecond, parseShare } from '../loadtest/quantities.ts';

/** Makes a parser for commander. If `read` returns undefined, `hint`, a sentence, says what is expected. */
export function optionParser<Value>(
  read: (text: string) => Value | undefined,
  hint: string,
): (text: string) => Value {
  return (text) => {
    const value = read(text);
    if (value === undefined) throw new InvalidArgumentError(hint);
    return value;
  };
}

/** Reads a rate above 0, in events per second. */
export const parseRate = optionParser(
  (text) => parseRatePerSecond(text) || undefined,
  'It is a rate, such as 200/s.',
);

/** Reads a length of time, in milliseconds. */
export const parseTime = optionParser(parseDurationMs, 'It is a time, such as 40ms, 30s or 2m.');

/** Reads a share, 0 to 1. */
export const parsePercentage = optionParser(parseShare, 'It is a share up to 100%, such as 10%.');

/** Makes a parser of whole numbers. */
export function wholeNumber(least: number, most: number, hint: string): (text: string) => number {
  return optionParser((text) => within(/^\d{1,9}$/, text, least, most), hint);
}

/** Makes a parser of numbers with up to three decimals. */
export function decimalNumber(least: number, most: number, hint: string): (text: string) => number {
  return optionParser((text) => within(/^\d{1,9}(?:\.\d{1,3})?$/, text, least, most), hint);
}

function within(digits: RegExp, text: string, least: number, most: number): number | undefined {
  const number = digits.test(text) ? Number(text) : Number.NaN;
  return number >= least && number <= most ? number : undefined;
}

/** Reads a count of at least 1. */
export const parseCount = wholeNumber(1, 999_999_999, 'It is a whole number from 1.');

/** Each worker process takes some 100 MB and has connections of its own to all clients. */
const MOST_WORKERS = 256;

/** Reads a number of worker processes. */
export const parseWorkers = wholeNumber(1, MOST_WORKERS, `It is a whole number from 1 to ${MOST_WORKERS}.`);

/** The default number of worker processes: one processor is left to Redis and everything else. */
export function defaultWorkers(processors: number): number {
  return Math.min(MOST_WORKERS, Math.max(1, processors - 1));
}
