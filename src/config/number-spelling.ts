import { keepsDigits } from '../core/odd-numbers.ts';
import { type ConfigIssue, placeOf } from './config-error.ts';
import { isInTokenBody } from './token-service-config.ts';

/**
 * What happens to a number that YAML reads from a plain text:
 *
 * - `zeros`: its leading zeros are lost, or it is read as octal by another parser
 * - `digits`: a double (IEEE 754) does not keep all of its digits
 * - `spelling`: its value is kept, and JSON spells it otherwise: `1.0`, `1e3`, `+5`, `-0`, `0x1F`
 */
export type SpellingFault = 'zeros' | 'digits' | 'spelling';

/** A number in a YAML file, at the place that its keys lead to. */
export interface MisspelledNumber {
  readonly keys: readonly PropertyKey[];
  readonly fault: SpellingFault;
}

/** What is wrong with a number for what it was written as; undefined if JSON spells it the same, or has no such number. */
export function judgeSpelling(written: string, value: number): SpellingFault | undefined {
  if (String(value) === written) return undefined;
  // JSON has no .inf and .nan, which the schema refuses; 1e400 was meant as a number.
  if (!Number.isFinite(value)) return /\d/.test(written) ? 'digits' : undefined;
  if (/^[-+]?0\d/.test(written)) return 'zeros';
  if (/^0[xo]/.test(written)) return Number.isSafeInteger(value) ? 'spelling' : 'digits';
  return keepsDigits(written, value) ? 'spelling' : 'digits';
}

const QUOTES = 'put it in quotes if it is text';
const SENTENCES: Readonly<Record<SpellingFault, string>> = {
  zeros: `is a number that loses digits (leading zeros): ${QUOTES}, leave them out if not`,
  digits: `is a number that loses digits (more than 15, or out of range): ${QUOTES}, shorten it if not`,
  spelling: `is a number that is sent in another spelling: ${QUOTES}, spell it like 1000 or 0.5 if not`,
};

/**
 * Refuses numbers that are not what was written. How a number is spelled matters only in the body of a token
 * service: other settings take its value. The sentences do not repeat it, since it may be a password.
 *
 * @param known issues of the schema, which say more of the same places
 */
export function spellingIssues(
  numbers: readonly MisspelledNumber[],
  known: readonly ConfigIssue[],
): ConfigIssue[] {
  if (numbers.length === 0) return [];
  const places = new Set(known.map(({ keys }) => placeOf(keys)));
  return numbers
    .filter(({ keys, fault }) => fault !== 'spelling' || isInTokenBody(keys))
    .filter(({ keys }) => !places.has(placeOf(keys)))
    .map(({ keys, fault }) => ({ keys, message: SENTENCES[fault] }));
}
