import { z } from 'zod';
import { isIsoTimestamp } from '../iso-timestamp.ts';
import { copyJson, FIELD_TOO_LONG, MAX_FIELD_LENGTH } from '../json-value.ts';
import { payloadSchema } from '../payload-schema.ts';
import { MAX_PROBLEMS } from '../problem.ts';
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

/** Any string, of which these are known: an open list, to which others may come. */
export function vocabulary(...known: readonly string[]): TextField {
  return text.meta({ examples: [...known], description: 'an open list, expect others' }) as TextField;
}

/** What is done with a unit. */
export const disposition = vocabulary(
  ...['needs_testing', 'b2b', 'd2c', 'client_liquidation', 'destroy', 'dispose', 'donate', 'outlets'],
  ...['recycle', 'removed', 'rts', 'rts_drop_ship', 'rtv', 'stock_transfer'],
);

/** The unit's own key: a string that is not empty, since everything about the unit hangs on it. */
export const unitKey: TextField = textField(
  (value) => (value === '' ? 'must not be empty: it identifies the unit' : undefined),
  { minLength: 1 },
);

/** A string that matches the pattern, which `description` says in words. */
export function textLike(pattern: RegExp, description: string): TextField {
  return textField(
    (value) => (pattern.test(value) ? undefined : `must be ${description}, found ${describeValue(value)}`),
    { pattern: pattern.source, description },
  );
}

/** An ISO 8601 date-time, with or without a zone; kept as it came. */
export const timestamp: TextField = textField(
  (value) =>
    isIsoTimestamp(value)
      ? undefined
      : `must be an ISO 8601 date-time of a real day, such as 2018-03-20T00:00:00Z, found ${describeValue(value)}`,
  { type: 'string', description: 'an ISO 8601 date-time, with or without a zone' },
);

/** A day that exists, as ISO 8601 writes it. */
export const date: TextField = textField(
  (value) =>
    /^\d{4}-\d\d-\d\d$/.test(value) && isIsoTimestamp(`${value}T00:00:00`)
      ? undefined
      : `must be a real day, such as 2018-03-20, found ${describeValue(value)}`,
  { type: 'string', format: 'date', description: 'a day, such as 2018-03-20' },
);

/** A whole number that JSON carries exactly. */
export const integer = z.int({ error: integerSentence });

/** A whole number from 1. */
export const countingNumber = integer.min(1, {
  error: (issue) => sentence(issue, 'must be at least 1'),
});

function integerSentence(issue: z.core.$ZodRawIssue): string {
  const isNone = issue.code === 'invalid_type';
  return sentence(issue, isNone ? 'must be an integer' : 'must be an integer within 2^53-1');
}

/** A number, whole or not. */
export const number = z.number({ error: (issue) => sentence(issue, 'must be a number') });

/** True or false. */
export const boolean = z.boolean({ error: (issue) => sentence(issue, 'must be true or false') });

/**
 * A list, which may be empty. Its items are read one after another until there are more problems than are told: zod
 * would look at all of them, and a program may make a list of millions of empty places.
 */
export function listOf<Item extends z.ZodType>(item: Item): z.ZodType<z.output<Item>[], z.input<Item>[]> {
  const compiled = z.compile(item);
  const list = z.transform((value: unknown, context): unknown => {
    if (!Array.isArray(value)) {
      const message = sentence({ input: value }, 'must be a list');
      context.issues.push({ code: 'custom', message, input: value });
      return value;
    }
    const items: unknown[] = [];
    const problems: object[] = [];
    for (let index = 0; index < value.length && problems.length <= MAX_PROBLEMS; index += 1) {
      const { data, error } = compiled.safeParse(value[index]);
      items.push(data);
      for (const issue of error?.issues ?? []) problems.push({ ...issue, path: [index, ...issue.path] });
    }
    const told = problems.slice(0, MAX_PROBLEMS + 1).map((problem) => ({ ...problem, input: value }));
    context.issues.push(...(told as z.core.$ZodRawIssue[]));
    return items;
  });
  const { $schema: _, ...items } = payloadSchema(item);
  z.globalRegistry.add(list, { type: 'array', items });
  return list as unknown as ReturnType<typeof listOf<Item>>;
}

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

function sentence(issue: { readonly input?: unknown }, expectation: string): string {
  if (issue.input === undefined) return 'is required';
  return `${expectation}, found ${describeValue(issue.input)}`;
}
