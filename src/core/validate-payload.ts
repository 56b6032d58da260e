import type { z } from 'zod';
import type { EventType } from './event-type.ts';
import { type Problem, toProblems } from './problem.ts';

/** A payload as it is to be sent, with its unit; or everything that is wrong with it. */
export type PayloadValidation<Payload> =
  | { readonly ok: true; readonly payload: Payload; readonly unit: string }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Holds a payload against its type's contract. Never throws for a bad payload, not even where its own
 * getters do: its problems come back at once, each with its JSON path. The given payload is not changed.
 */
export function validatePayload<Schema extends z.ZodType>(
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
