import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { testDirectory } from './waybill-process.ts';

/** A `redis-server` of a test's own. */
export interface RedisOnPath {
  /** A search path on which it is found first. */
  readonly path: string;
  readonly binary: string;
  readonly directory: string;
}

/**
 * A search path on which `redis-server` is the installed one behind some lines of shell, which can limit or
 * change what it runs with. `$here` is the directory, for files that the lines look at.
 */
export function redisOnPath(shell: string): RedisOnPath {
  const directory = testDirectory();
  const bin = join(directory, 'bin');
  const places = (process.env.PATH ?? '').split(delimiter).map((place) => join(place, 'redis-server'));
  const installed = places.find((place) => existsSync(place)) ?? 'redis-server';
  const binary = join(bin, 'redis-server');
  mkdirSync(bin);
  const script = `#!/bin/sh\nhere='${directory}'\n${shell}\nexec '${installed}' "$@"\n`;
  writeFileSync(binary, script, { mode: 0o755 });
  return { path: `${bin}${delimiter}${process.env.PATH ?? ''}`, binary, directory };
}
