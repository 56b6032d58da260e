import { z } from 'zod';
import type { EventType } from './event-type.ts';
import {
  findNumbers,
  isPlainInteger,
  type JsonSource,
  losesDigits,
  type SpelledNumber,
} from './odd-numbers.ts';
import { limitProblems, type Problem, toJsonPath, toProblems } from './problem.ts';

/** A payload as it is to be sent, with its unit; or everything that is wrong with it. */
export type PayloadValidation<Payload> =
  | { readonly ok: true; readonly payload: Payload; readonly unit: string }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Holds a payload against its type's contract. Never throws for a bad payload, not even where its own
 * getters do: its problems come back at once, each with its JSON path. The given payload is not changed.
 *
 * @param source the JSON that the payload was read from: a number in it stands for text only if it is written in
 *   digits alone. Absent: the payload's numbers are written as JavaScript writes them.
 */
export function validatePayload<Schema extends z.ZodType>(
  type: EventType<string, Schema>,
  payload: unknown,
  source?: JsonSource,
): PayloadValidation<z.output<Schema>> {
  const valid = validateValue(type, payload);
  if (source === undefined) return valid;
  const odd = findOddNumbers(type.schema, source);
  if (odd.length === 0) return valid;
  const others = valid.ok ? [] : valid.problems;
  return { ok: false, problems: mergeProblems(odd, others) };
}

function validateValue<Schema extends z.ZodType>(
  type: EventType<string, Schema>,
  payload: unknown,
): PayloadValidation<z.output<Schema>> {
  try {
    const result = type.schema.safeParse(payload);
    // The sentences are made here as well, and look at values once more.
    if (!result.success) return { ok: false, problems: toProblems(result.error) };
    return { ok: true, payload: result.data, unit: type.unitOf(result.data) };
  } catch {
    // Not the error's own text: it may be anything, of any length.
    const message = 'cannot be read: one of its fields throws an error';
    return { ok: false, problems: [{ path: '$', message }] };
  }
}

/** A number that `JSON.parse` does not keep as it was written, and whether it stands where text is due. */
interface OddNumber {
  readonly path: string;
  readonly spelling: string;
  readonly isText: boolean;
}

function findOddNumbers(schema: z.ZodType, { text, keys: root }: JsonSource): OddNumber[] {
  const within = (keys: SpelledNumber['keys']) => keys.slice(root.length);
  const numbers = findNumbers(text, ({ keys, spelling }) => {
    if (root.some((key, at) => key !== keys[at])) return false;
    return isTextDue(schema, within(keys)) ? !isPlainInteger(spelling) : losesDigits(spelling);
  });
  return numbers.map(({ keys, spelling }) => ({
    path: toJsonPath(within(keys)),
    spelling,
    isText: isTextDue(schema, within(keys)),
  }));
}

/** At a path with a text field the number's spelling is the problem; at any other path the schema's problem is. */
function mergeProblems(odd: readonly OddNumber[], others: readonly Problem[]): Problem[] {
  const texts = new Set(odd.filter(({ isText }) => isText).map(({ path }) => path));
  const known = new Set(others.map(({ path }) => path));
  const problems = odd
    .filter(({ path, isText }) => isText || !known.has(path))
    .map(({ path, spelling, isText }) => ({ path, message: sentenceOf(spelling, isText) }));
  return [...limitProblems(problems), ...others.filter(({ path }) => !texts.has(path))];
}

const MAX_NUMBER_LENGTH = 40;

function sentenceOf(spelling: string, isText: boolean): string {
  const shown = spelling.length > MAX_NUMBER_LENGTH ? `${spelling.slice(0, MAX_NUMBER_LENGTH)}…` : spelling;
  if (isText) return `must be a string, found the number ${shown}: give it in quotes`;
  return `is the number ${shown}, whose last digits would be lost: give it in quotes`;
}

type JsonSchema = z.core.JSONSchema.JSONSchema;

const jsonSchemas = new WeakMap<z.ZodType, JsonSchema>();

/** Whether a schema has a text field at a path: one that takes a string, and not one of a closed list. */
function isTextDue(schema: z.ZodType, keys: SpelledNumber['keys']): boolean {
  let known = jsonSchemas.get(schema);
  if (known === undefined) {
    // As output: what a schema does before it looks at the fields hides them as input.
    known = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }) as JsonSchema;
    jsonSchemas.set(schema, known);
  }
  let field: JsonSchema | undefined = known;
  for (const key of keys) field = fieldAt(field, key);
  return field?.enum === undefined && [field?.type].flat().includes('string');
}

function fieldAt(schema: JsonSchema | undefined, key: string | number): JsonSchema | undefined {
  const { items, properties = {} } = schema ?? {};
  const field = typeof key === 'number' ? items : Object.hasOwn(properties, key) && properties[key];
  return typeof field === 'object' && !Array.isArray(field) ? field : undefined;
}
