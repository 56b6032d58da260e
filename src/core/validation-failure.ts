import { z } from 'zod';

const validationFailureSchema = z.object({
  message: z.string().optional(),
  errors: z.array(z.object({ field: z.string(), code: z.string() })),
});

/** A field that a client's endpoint objected to: its JSON path, and `missing_field`, `invalid_type` or `invalid`. */
export interface FieldError {
  readonly field: string;
  readonly code: string;
}

/** The field errors of a 422 in the contract's form; empty where the response has none, or was cut short. */
export function parseFieldErrors(response: string | undefined): readonly FieldError[] {
  if (response === undefined || !response.startsWith('{')) return [];
  try {
    const parsed = validationFailureSchema.safeParse(JSON.parse(response));
    return parsed.success ? parsed.data.errors : [];
  } catch {
    return [];
  }
}
