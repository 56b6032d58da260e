/** Numbers below 2^53 have at most so many digits: texts without a longer run of them are not looked at. */
const LONG_RUN = /\d{16}/;
/** A text, or a number as a whole with what belongs to it. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** What has more is beyond every double, or begins with zeros and is no JSON. */
const MOST_DIGITS = 400;
const WHOLE = /^-?\d{16,}$/;

/**
 * The first whole number in a JSON text that `JSON.parse` makes another one of: its last digits are lost, since
 * it takes numbers as doubles (RFC 8259, section 6). Undefined where there is none.
 */
export function findLostDigits(json: string): string | undefined {
  if (!LONG_RUN.test(json)) return undefined;
  for (const [token] of json.matchAll(TOKEN)) {
    if (WHOLE.test(token) && !isExact(token)) return token;
  }
  return undefined;
}

function isExact(digits: string): boolean {
  const number = Number(digits);
  // Doubles are written with the fewest digits that tell them apart, which need not be all that they have.
  if (String(number) === digits) return true;
  return Number.isFinite(number) && digits.length < MOST_DIGITS && BigInt(number) === BigInt(digits);
}
