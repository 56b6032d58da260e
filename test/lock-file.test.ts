import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Entry {
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

// .npmrc forbids install scripts; msgpackr-extract only speeds up what works without it.
test('no package needs an install script', () => {
  const paths = Object.keys(packages).filter((path) => packages[path]?.hasInstallScript === true);
  expect(paths).toEqual(['node_modules/msgpackr-extract']);
});
