import type { z } from 'zod';

/** One thing that is wrong with an input: where (a JSON path such as `$.to.identifier`) and what, as a sentence. */
export interface Problem {
  readonly path: string;
  readonly message: string;
}

const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Writes a path of keys and indexes as a JSON path (RFC 9535): `$.cartons[0]["odd key"]`. */
export function toJsonPath(keys: readonly PropertyKey[]): string {
  let path = '$';
  for (const key of keys) {
    if (typeof key === 'number') path += `[${key}]`;
    else if (PLAIN_KEY.test(String(key))) path += `.${String(key)}`;
    else path += `[${JSON.stringify(String(key))}]`;
  }
  return path;
}

/** Turns all issues of a zod error into problems, one for each unknown key. */
export function toProblems(error: z.ZodError): Problem[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        path: toJsonPath([...issue.path, key]),
        message: 'is not a known field',
      }));
    }
    return [{ path: toJsonPath(issue.path), message: issue.message }];
  });
}
