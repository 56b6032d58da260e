/** Whether a whole number is written in digits alone and within 2^53-1: `String` spells it the same way. */
export function isPlainInteger(spelling: string): boolean {
  return /^\d{1,16}$/.test(spelling) && Number.isSafeInteger(Number(spelling));
}

/** A whole number of fewer characters is exact as a double (IEEE 754). */
const EXACT_CHARACTERS = 15;
/** No double needs so many. The bound also keeps regular expressions within the stack. */
const MOST_CHARACTERS = 400;

/**
 * Whether a whole number in JSON goes out with other digits than it came with: `JSON.parse` reads it as a double,
 * and `JSON.stringify` writes the fewest digits that tell that double from others (36028797018963970 for 2^55).
 */
export function losesDigits(spelling: string): boolean {
  if (spelling.length <= EXACT_CHARACTERS || /[.eE]/.test(spelling)) return false;
  if (spelling.length > MOST_CHARACTERS) return true;
  const value = Number(spelling);
  const goesOutAs = String(value);
  // From 1e21 on, an exponent stands for zeros. Below it, whole numbers are equal only if their texts are.
  return goesOutAs.includes('e') ? !keepsDigits(spelling, value) : goesOutAs !== spelling;
}

const DECIMAL = /^[-+]?(\d*)\.?(\d*)(?:[eE]([-+]?\d+))?$/;

/** Whether JavaScript spells a number with the digits that it was written with; zeros around them do not count. */
export function keepsDigits(written: string, value: number): boolean {
  return written.length <= MOST_CHARACTERS && toScientific(written) === toScientific(String(value));
}

/** The digits without zeros around them, and a power of ten, so that equal numbers are equal texts. */
function toScientific(decimal: string): string {
  const [, whole = '', fraction = '', exponent = '0'] = DECIMAL.exec(decimal) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  return `${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}
