import { z } from 'zod';
import { isIsoTimestamp } from '../iso-timestamp.ts';
import { copyJson, FIELD_TOO_LONG, MAX_FIELD_LENGTH } from '../json-value.ts';
import { describeValue } from '../quote-text.ts';

/** A string on the wire; producers may give a whole number instead, which goes out as the string it spells. */
export type TextField = z.ZodType<string, string | number>;

/*
 * One transform a field rather than a union or a pipe: each event pays for every field, and this way each
 * costs a single call. At runtime a transform may be absent, so it is the one that says "is required".
 */
function textField(whyRefused?: (text: string) => string | undefined, schema: object = {}): TextField {
  const field = z.transform((value: unknown, context): unknown => {
    const spelt = Number.isSafeInteger(value) ? String(value) : value;
    const message =
      typeof spelt === 'string' ? (whyTooLong(spelt) ?? whyRefused?.(spelt)) : whyNotText(spelt);
    if (message !== undefined) context.issues.push({ code: 'custom', message, input: value });
    return spelt;
  }) as unknown as TextField;
  // What a transform takes, zod cannot tell: the documents that are made of schemas say it by this.
  z.globalRegistry.add(field, { type: ['string', 'integer'], ...schema });
  return field;
}

/** Before anything is done with it: texts together may be longer than the longest that there can be. */
function whyTooLong(text: string): string | undefined {
  return text.length > MAX_FIELD_LENGTH ? FIELD_TOO_LONG : undefined;
}

function whyNotText(value: unknown): string {
  if (value === undefined) return 'is required';
  if (typeof value !== 'number') return `must be a string, found ${describeValue(value)}`;
  if (!Number.isFinite(value)) return `must be a string, found ${value}, which JSON cannot carry`;
  if (!Number.isInteger(value)) {
    return `must be a string, found the number ${value}: only a whole number can stand for the string it spells`;
  }
  return `must be a string, found the number ${value}: beyond 2^53-1 its digits are already lost, so give it in quotes`;
}

/** Any string. */
export const text: TextField = textField();

/** The unit's own key: a string that is not empty, since everything about the unit hangs on it. */
export const unitKey: TextField = textField(
  (value) => (value === '' ? 'must not be empty: it identifies the unit' : undefined),
  { minLength: 1 },
);

/** An ISO 8601 date-time, with or without a zone; kept as it came. */
export const timestamp: TextField = textField(
  (value) =>
    isIsoTimestamp(value)
      ? undefined
      : `must be an ISO 8601 date-time of a real day, such as 2018-03-20T00:00:00Z, found ${describeValue(value)}`,
  { type: 'string', description: 'an ISO 8601 date-time, with or without a zone' },
);

/** A whole number that JSON carries exactly. */
export const integer = z.int({
  error: (issue) =>
    sentence(
      issue,
      issue.code === 'invalid_type' ? 'must be an integer' : 'must be an integer within 2^53-1',
    ),
});

/** One of a closed list of strings. */
export function oneOf<const Values extends readonly string[]>(values: Values) {
  return z.enum(values, { error: (issue) => sentence(issue, `must be one of ${values.join(', ')}`) });
}

/** What state a unit is in. */
export const condition = oneOf(['N', 'TT', 'R', 'A', 'B', 'C', 'X']);

/** An object that may hold the named fields and no others. */
export function closedObject<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, { error: objectSentence });
}

/** An object with the named fields, in which any other JSON is kept as it came. */
export function openObject<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const schema = z.object(shape, { error: objectSentence }).catchall(otherField);
  return z.preprocess(refuseProtoKey, schema) as unknown as z.ZodType<
    z.output<typeof schema>,
    z.input<typeof schema>
  >;
}

const otherField = z.transform((value: unknown, context): unknown => {
  if (value === undefined) return undefined;
  const copy = copyJson(value);
  if (copy.ok) return copy.value;
  context.issues.push({ code: 'custom', message: copy.reason, input: value });
  return undefined;
}) as unknown as z.ZodUnknown;

/*
 * zod skips a field named __proto__ without a word, and what was accepted must go out whole. The issue is of
 * the one kind that does not keep a pipe from naming the other problems as well.
 */
function refuseProtoKey(value: unknown, context: z.core.ParsePayload): unknown {
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, '__proto__')) {
    context.issues.push({
      code: 'unrecognized_keys',
      keys: ['__proto__'],
      input: value as Record<string, unknown>,
    });
  }
  return value;
}

function objectSentence(issue: z.core.$ZodRawIssue): string | undefined {
  return issue.code === 'invalid_type' ? sentence(issue, 'must be an object') : undefined;
}

function sentence(issue: z.core.$ZodRawIssue, expectation: string): string {
  if (issue.input === undefined) return 'is required';
  return `${expectation}, found ${describeValue(issue.input)}`;
}
