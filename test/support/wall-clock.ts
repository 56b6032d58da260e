import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { testDirectory } from './waybill-process.ts';

/** Where Debian (by architecture), Alpine, Fedora and Homebrew put libfaketime. */
const PLACES = [
  ...(existsSync('/usr/lib') ? readdirSync('/usr/lib').map((name) => `/usr/lib/${name}/faketime`) : []),
  '/usr/lib/faketime',
  '/usr/lib64/faketime',
  '/usr/local/lib/faketime',
];
const LIBRARY = PLACES.map((place) => join(place, 'libfaketime.so.1')).find((path) => existsSync(path));

/** jemalloc asks for the time before libfaketime is ready; with the C library's malloc nothing does. */
const FOR_REDIS = 'libc.so.6';

/** A wall clock that can be set while processes run by it. Monotonic clocks are left alone. */
export interface WallClock {
  /** The environment of a node process that goes by it. */
  readonly env: Readonly<Record<string, string>>;
  /** Lines of shell that have `redis-server` go by it. */
  readonly shell: string;
  /** Sets it to so many seconds before or after the real time. */
  set(offsetSeconds: number): void;
}

/** Why no wall clock can be faked here, which is printed as well; undefined where one can. */
export function whyNoWallClock(): string | undefined {
  const reason = findObstacle();
  if (reason !== undefined) process.stderr.write(`skipped: the tests that set the wall clock: ${reason}\n`);
  return reason;
}

function findObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'faking the wall clock works on Linux only';
  if (LIBRARY === undefined) return 'libfaketime is not installed (on Debian: apt-get install faketime)';
  const env = { ...process.env, LD_PRELOAD: `${LIBRARY} ${FOR_REDIS}` };
  const probe = spawnSync('redis-server', ['--version'], { env, encoding: 'utf8' });
  return probe.status === 0 && probe.stderr === ''
    ? undefined
    : `redis-server does not run with libfaketime: ${probe.stderr}`;
}

/** A wall clock of the test's own, which shows the real time at first. */
export function fakeWallClock(): WallClock {
  const directory = testDirectory();
  const file = join(directory, 'offset');
  const set = (offsetSeconds: number): void => {
    const sign = offsetSeconds < 0 ? '' : '+';
    // A reader that met an empty file would see the real time for a moment.
    writeFileSync(`${file}.draft`, `${sign}${offsetSeconds}`);
    renameSync(`${file}.draft`, file);
  };
  set(0);
  const settings = {
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
  const forRedis = { ...settings, LD_PRELOAD: `${LIBRARY} ${FOR_REDIS}` };
  return {
    env: { ...settings, LD_PRELOAD: LIBRARY ?? '' },
    shell: Object.entries(forRedis)
      .map(([name, value]) => `export ${name}='${value}'`)
      .join('\n'),
    set,
  };
}
