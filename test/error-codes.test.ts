import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { FAILURE_CLASSES } from '../src/core/attempt-result.ts';
import { VERSION } from '../src/version.ts';

/** Node's own codes: ENOTFOUND, ECONNREFUSED ... */
const SYSTEM_ERROR = /^E[A-Z]+$/;
const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(`${root}README.md`, 'utf8');

/** The codes in the first column of the table under a heading. */
function codesUnder(heading: string, column: number): string[] {
  const section = readme.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .flatMap((line) => /^`([A-Za-z0-9_]+)`$/.exec((line.split('|')[column] ?? '').trim())?.[1] ?? []);
}

/**
 * Codes are written as literals: as the first argument of an error or a refusal, or as a `code` field. What
 * `http` calls a code is what Node calls it, and never leaves it.
 */
function codesInSource(): Set<string> {
  const files = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const pattern =
    /(?:WaybillError|ProblemError|super|refusal)\(\s*(?:[\w.?]+ \?\? )?'([A-Z][A-Z_]+)'|code: '([A-Z][A-Z_]+)'/g;
  const found = new Set<string>();
  for (const file of files) {
    for (const [, error, field] of readFileSync(`${root}src/${file}`, 'utf8').matchAll(pattern)) {
      const code = error ?? (file.startsWith('http/') ? undefined : field);
      if (code !== undefined && !SYSTEM_ERROR.test(code)) found.add(code);
    }
  }
  return found;
}

test('every error code is in the README, and the README names no other', () => {
  expect(codesUnder('Error codes', 1).sort()).toEqual([...codesInSource()].sort());
});

test('every failure class is in the README, and the README names no other', () => {
  expect(codesUnder('What becomes of an event', 2).sort()).toEqual([...FAILURE_CLASSES].sort());
});

test('the version is that of the package', () => {
  expect(JSON.parse(readFileSync(`${root}package.json`, 'utf8')).version).toBe(VERSION);
});
