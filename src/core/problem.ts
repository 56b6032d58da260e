import type { z } from 'zod';
import { quoteText } from './quote-text.ts';

/** One thing that is wrong with an input: where (a JSON path such as `$.to.identifier`) and what, as a sentence. */
export interface Problem {
  readonly path: string;
  readonly message: string;
}

const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_]{0,99}$/;
const MAX_KEY_LENGTH = 100;
/** Problems of one input that are told. More are not read, and a payload may have one for each of its bytes. */
export const MAX_PROBLEMS = 100;

/**
 * Writes a path of keys and indexes as a JSON path (RFC 9535): `$.cartons[0]["odd key"]`. A long key is cut off:
 * keys are input, too.
 */
export function toJsonPath(keys: readonly PropertyKey[]): string {
  let path = '$';
  for (const key of keys) {
    if (typeof key === 'number') path += `[${key}]`;
    else if (PLAIN_KEY.test(String(key))) path += `.${String(key)}`;
    else path += `[${quoteText(String(key), MAX_KEY_LENGTH)}]`;
  }
  return path;
}

/** Turns the issues of a zod error into problems, one for each unknown key; beyond a hundred they are counted. */
export function toProblems(error: z.ZodError): Problem[] {
  const problems: Problem[] = [];
  let count = 0;
  const add = (keys: readonly PropertyKey[], message: string): void => {
    count += 1;
    if (count <= MAX_PROBLEMS) problems.push({ path: toJsonPath(keys), message });
  };
  for (const issue of error.issues) {
    if (issue.code !== 'unrecognized_keys') add(issue.path, issue.message);
    else for (const key of issue.keys) add([...issue.path, key], 'is not a known field');
  }
  return limitProblems(problems, count);
}

/** Keeps the first hundred problems, and counts the others. */
export function limitProblems(problems: readonly Problem[], count = problems.length): Problem[] {
  const kept = problems.slice(0, MAX_PROBLEMS);
  const more = count - kept.length;
  return more === 0
    ? kept
    : [
        ...kept,
        { path: '$', message: `has at least ${more} more problem${more === 1 ? '' : 's'} like these` },
      ];
}
