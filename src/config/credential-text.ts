import { z } from 'zod';

/**
 * Why a credential cannot be meant with this line break, as a sentence without its subject; undefined: it has none.
 * Shells, editors and `base64` end texts in one; a server then answers that the credential is wrong.
 */
export function whyLineBreak(text: string): string | undefined {
  if (!/[\r\n]/.test(text)) return undefined;
  const isInside = /[\r\n]/.test(text.trimEnd());
  return isInside ? 'must not hold a line break' : 'must not end in a line break';
}

/** A credential without a line break that matches `pattern`; `otherwise` says what the pattern demands. */
export function credential(pattern: RegExp, otherwise: string) {
  return z.string().superRefine((value, context) => {
    const reason = whyLineBreak(value) ?? (pattern.test(value) ? undefined : otherwise);
    if (reason !== undefined) context.addIssue(reason);
  });
}

/** A credential of one line that may be any text. */
export const anyCredential = credential(/./s, 'must not be empty');
