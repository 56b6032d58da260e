import type { z } from 'zod';
import type { EventType } from './event-type.ts';
import { findOddNumbers, type JsonSource, type OddNumbers } from './odd-numbers.ts';
import { limitProblems, type Problem, toJsonPath, toProblems } from './problem.ts';

/** A payload as it is to be sent, with its unit; or everything that is wrong with it. */
export type PayloadValidation<Payload> =
  | { readonly ok: true; readonly payload: Payload; readonly unit: string }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Holds a payload against its type's contract. Never throws for a bad payload, not even if its own
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
  if (odd.count === 0) return valid;
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

/** At a path with a text field the number's spelling is the problem; at any other path the schema's problem is. */
function mergeProblems({ count, first }: OddNumbers, others: readonly Problem[]): Problem[] {
  const known = new Set(others.map(({ path }) => path));
  const texts = new Set<string>();
  const problems: Problem[] = [];
  for (const { keys, spelling, isText, isOpen } of first) {
    const path = toJsonPath(keys);
    if (isText) texts.add(path);
    if (isText || !known.has(path)) problems.push({ path, message: sentenceOf(spelling, isText, isOpen) });
  }
  const leftOut = first.length - problems.length;
  return [...limitProblems(problems, count - leftOut), ...others.filter(({ path }) => !texts.has(path))];
}

const MAX_NUMBER_LENGTH = 40;

function sentenceOf(spelling: string, isText: boolean, isOpen: boolean): string {
  const shown = spelling.length > MAX_NUMBER_LENGTH ? `${spelling.slice(0, MAX_NUMBER_LENGTH)}…` : spelling;
  if (isText) return `must be a string, found the number ${shown}: give it in quotes`;
  const advice = isOpen ? ': give it in quotes' : '';
  return `is the number ${shown}, whose last digits would be lost${advice}`;
}
