import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Entry {
  readonly version?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const url = new URL('../package-lock.json', import.meta.url);
const { packages } = JSON.parse(readFileSync(url, 'utf8')) as { packages: Record<string, Entry> };

// npm ci fails on a lock file that lacks an optional package, even one of another platform.
test('the lock file names every optional package, of every platform', () => {
  const names = new Set(Object.keys(packages).map((path) => path.split('node_modules/').at(-1)));
  const wanted = Object.values(packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
  expect(wanted.filter((name) => !names.has(name))).toEqual([]);
});

test('the lock file names no registry', () => {
  const paths = Object.keys(packages).filter((path) => packages[path]?.resolved !== undefined);
  expect(paths).toEqual([]);
});

// msgpackr-extract only speeds up what works without it.
test('no package needs an install script', () => {
  const paths = Object.keys(packages).filter((path) => packages[path]?.hasInstallScript === true);
  expect(paths).toEqual(['node_modules/msgpackr-extract']);
});

test('install scripts are off, and were not run for what these tests run with', () => {
  expect(readFileSync(new URL('../.npmrc', import.meta.url), 'utf8')).toMatch(/^ignore-scripts=true$/m);
  // Where node-gyp puts what the script of msgpackr-extract compiles.
  expect(existsSync(new URL('../node_modules/msgpackr-extract/build', import.meta.url))).toBe(false);
});

/*
 * What `npm audit` would say, for machines whose registry does not answer it: the versions that mended what was
 * known of these packages when this was written.
 */
const MENDED: Readonly<Record<string, readonly [version: string, what: string]>> = {
  undici: ['7.29.0', 'CVE-2026-1525 to -1528, CVE-2026-12151, CVE-2026-13697'],
  minimist: ['1.2.6', 'CVE-2021-44906'],
  semver: ['7.5.2', 'CVE-2022-25883'],
  debug: ['4.4.3', '4.4.2 was published by a thief'],
  'ansi-regex': ['5.0.1', 'CVE-2021-3807'],
  nanoid: ['3.3.18', 'CVE-2026-67213'],
  yaml: ['2.8.3', 'CVE-2026-33532'],
  luxon: ['3.2.1', 'CVE-2023-22467'],
  msgpackr: ['1.10.1', 'CVE-2023-52079'],
  zod: ['3.22.3', 'CVE-2023-4316'],
  postcss: ['8.5.23', 'CVE-2026-45623, GHSA-fxqj-rqcc-2cmp'],
  picomatch: ['4.0.4', 'CVE-2026-33671, CVE-2026-33672'],
  vite: ['8.0.5', 'CVE-2026-39363 to -39365'],
};

test.each(Object.entries(MENDED))('%s is not older than %s', (name, [mended]) => {
  const paths = Object.keys(packages).filter((path) => path.split('node_modules/').at(-1) === name);
  expect(paths).not.toEqual([]);
  for (const path of paths) expect(isAtLeast(packages[path]?.version ?? '', mended)).toBe(true);
});

function isAtLeast(version: string, least: string): boolean {
  return version.localeCompare(least, 'en', { numeric: true }) >= 0;
}
