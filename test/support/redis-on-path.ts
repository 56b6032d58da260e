import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { testDirectory } from './waybill-process.ts';

/**
 * A search path on which `redis-server` is the installed one behind some lines of shell, which can limit or
 * change what it runs with. `$here` is the directory, for files that the lines look at.
 */
export function redisOnPath(shell: string): { readonly path: string; readonly directory: string } {
  const directory = testDirectory();
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  const script = `#!/bin/sh\nhere='${directory}'\n${shell}\nPATH=\${PATH#*:}\nexec redis-server "$@"\n`;
  writeFileSync(join(bin, 'redis-server'), script, { mode: 0o755 });
  return { path: `${bin}:${process.env.PATH ?? ''}`, directory };
}
