import { z } from 'zod';
import { parseJson } from './json-value.ts';

const fieldErrorSchema = z.object({ field: z.string(), code: z.string() });
const validationFailureSchema = z.object({
  message: z.string().optional(),
  errors: z.array(fieldErrorSchema),
});
const ERRORS_BEGIN = /"errors"\s*:\s*\[/g;
/** An object without others in it, as one of several. */
const ENTRY = /\s*(\{(?:[^{}"]|"(?:[^"\\]|\\.)*")*\})\s*,?/y;

/** A field that a client's endpoint objected to: its JSON path, and `missing_field`, `invalid_type` or `invalid`. */
export interface FieldError {
  readonly field: string;
  readonly code: string;
}

/** The field errors of a 422 in the contract's form, those that are whole if it was cut short; empty if it has none. */
export function parseFieldErrors(response: string | undefined): readonly FieldError[] {
  const text = response?.trimStart() ?? '';
  if (!text.startsWith('{')) return [];
  const whole = parseJson(text);
  if (whole === undefined) return wholeEntries(text);
  const parsed = validationFailureSchema.safeParse(whole);
  return parsed.success ? parsed.data.errors : [];
}

/** Only the start of a response is kept, and many fields make a long one. */
function wholeEntries(text: string): FieldError[] {
  ERRORS_BEGIN.lastIndex = 0;
  if (!ERRORS_BEGIN.test(text)) return [];
  ENTRY.lastIndex = ERRORS_BEGIN.lastIndex;
  const found: FieldError[] = [];
  for (let entry = ENTRY.exec(text); entry !== null; entry = ENTRY.exec(text)) {
    const parsed = fieldErrorSchema.safeParse(parseJson(entry[1] ?? ''));
    if (!parsed.success) break;
    found.push(parsed.data);
  }
  return found;
}
