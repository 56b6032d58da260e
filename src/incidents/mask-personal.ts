import type { KeptHeaders } from '../core/attempt-result.ts';
import type { StoredEvent } from '../core/event.ts';
import { createMask, literalPattern } from '../core/mask-secrets.ts';
import type { FieldError } from '../core/validation-failure.ts';

const MASK = '***';
/** Names of fields that say who somebody is, or where they live: `user_login`, all of `billing_address`. */
const PERSONAL_FIELD = /login|e-?mail|user_?name|phone|address/i;
/** Parts of an address that many have in common: an answer may have the same words for something else. */
const COMMON_PART = /^(?:id|city|state|country|.*_at)$/;
/** The others: a short one, such as the number of a floor, tells nobody. */
const ADDRESS_PART = /^(?:name|company|street2?|zip(?:_code)?)$/;
/** With `@` as it is, or as URLs, JSON and HTML escape it. */
const EMAIL =
  /[\p{L}\p{N}._%+'-]{1,64}(?:@|%40|\\u0040|&#64;|&commat;)[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63})+/gu;
/** Shorter logins are masked as whole words only: any text contains them by chance. */
const SHORTEST_WITHIN = 4;

/** A payload without personal data, and what of it an answer may repeat. */
export interface MaskedPayload {
  readonly payload: unknown;
  readonly logins: readonly string[];
}

function maskEmails(text: string): string {
  return text.replace(EMAIL, MASK);
}

/** Takes the user logins, postal and e-mail addresses out of a payload. */
export function maskPayload(payload: unknown): MaskedPayload {
  const logins = new Set<string>();
  const walk = (value: unknown, isPersonal: boolean, name: string): unknown => {
    if (Array.isArray(value)) return value.map((item) => walk(item, isPersonal, name));
    if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value);
      return Object.fromEntries(
        entries.map(([key, item]) => [key, walk(item, isPersonal || PERSONAL_FIELD.test(key), key)]),
      );
    }
    if (!isPersonal) return typeof value === 'string' ? maskEmails(value) : value;
    if (typeof value !== 'string' && typeof value !== 'number') return value;
    if (isTelling(name, value)) logins.add(String(value));
    return MASK;
  };
  return { payload: walk(payload, false, ''), logins: [...logins] };
}

function isTelling(name: string, value: string | number): boolean {
  const { length } = String(value);
  return length > 0 && !COMMON_PART.test(name) && (length >= SHORTEST_WITHIN || !ADDRESS_PART.test(name));
}

/** Takes the logins of a payload, in any case, and all e-mail addresses out of its answer. */
export function maskAnswer(answer: string, logins: readonly string[]): string {
  let masked = createMask(logins.filter(({ length }) => length >= SHORTEST_WITHIN))(answer);
  // A server may know people by names in another case than we do.
  for (const login of logins.map((text) => text.trim()).filter((text) => text !== '')) {
    const pattern = literalPattern(login);
    const asWord = `(?<![\\p{L}\\p{N}])${pattern}(?![\\p{L}\\p{N}])`;
    masked = masked.replace(new RegExp(login.length < SHORTEST_WITHIN ? asWord : pattern, 'giu'), MASK);
  }
  return maskEmails(masked);
}

/** What came back to an event, without these logins. */
export function answerOf({ response = '', headers }: StoredEvent, logins: readonly string[]) {
  const masked = Object.entries(headers ?? {}).map(([name, value]) => [name, maskAnswer(value, logins)]);
  return {
    answer: maskAnswer(response, logins),
    ...(headers && { headers: Object.fromEntries(masked) as KeptHeaders }),
  };
}

const FIELD_CODES: ReadonlySet<string> = new Set(['missing_field', 'invalid_type', 'invalid']);

/** Field errors without personal data. Paths of fields that the payload has, and the contract's codes, stay as they are. */
export function maskFieldErrors(errors: readonly FieldError[], payload: unknown): readonly FieldError[] {
  const { logins } = maskPayload(payload);
  const names = new Set<string>();
  JSON.stringify(payload, (name, value) => {
    names.add(name);
    return value;
  });
  const isOwn = (path: string): boolean => (path.match(/[^$.[\]"]+/g) ?? []).every((name) => names.has(name));
  return errors.map(({ field, code }) => ({
    field: isOwn(field) ? field : maskAnswer(field, logins),
    code: FIELD_CODES.has(code) ? code : maskAnswer(code, logins),
  }));
}
