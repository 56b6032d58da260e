import { existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addAptGet, type Checkout, makeCheckout } from './setup/checkout.ts';

const EMPTY_SERVER = '#!/bin/sh\n';

async function setUp(checkout: Checkout, ...args: string[]) {
  const run = checkout.setUp(...args);
  const { code } = await run.exit;
  expect(run.stdout).toBe('');
  return { code, said: run.stderr };
}

/** A checkout where all is there. */
async function readyCheckout(): Promise<Checkout> {
  const checkout = makeCheckout();
  checkout.addCommand('redis-server', EMPTY_SERVER);
  expect((await setUp(checkout)).code).toBe(0);
  checkout.calls();
  return checkout;
}

test('a clean checkout gets dependencies, dist/ and Redis; a second run does nothing', async () => {
  const checkout = makeCheckout();
  addAptGet(checkout);
  checkout.write('lists', '');

  expect(await setUp(checkout)).toEqual({
    code: 0,
    said: [
      'setup: installing dependencies (npm ci)',
      'setup: building dist/',
      'setup: redis-server is missing: installing it with apt-get',
      'setup: ready',
      '',
    ].join('\n'),
  });
  expect(checkout.calls()).toEqual([
    'npm ci',
    'tsc',
    'rolldown',
    'rolldown',
    'apt-get install noninteractive',
  ]);
  expect(statSync(join(checkout.directory, 'dist/src/cli/main.js')).mode & 0o777).toBe(0o755);

  expect(await setUp(checkout)).toEqual({ code: 0, said: '' });
  expect(checkout.calls()).toEqual([]);
});

test('package lists that are missing are fetched', async () => {
  const checkout = makeCheckout();
  addAptGet(checkout);
  expect((await setUp(checkout)).code).toBe(0);
  expect(checkout.calls().filter((call) => call.startsWith('apt-get'))).toEqual([
    'apt-get install noninteractive',
    'apt-get update',
    'apt-get install noninteractive',
  ]);
});

test('a changed source is built again, and what has no source any more is gone', async () => {
  const checkout = await readyCheckout();
  checkout.write('dist/left-over.js', '');
  checkout.write('src/cli/main.ts', 'export const two = 2;');

  expect((await setUp(checkout)).code).toBe(0);
  expect(checkout.calls()).toEqual(['tsc', 'rolldown', 'rolldown']);
  expect(checkout.read('dist/src/cli/main.js')).toContain('two');
  expect(existsSync(join(checkout.directory, 'dist/left-over.js'))).toBe(false);
});

test.skipIf(process.platform !== 'linux')(
  'what only the tests want is installed for them alone',
  async () => {
    const checkout = await readyCheckout();
    addAptGet(checkout);
    checkout.write('lists', '');
    expect(await setUp(checkout)).toEqual({ code: 0, said: '' });
    expect(await setUp(checkout, '--tests')).toEqual({
      code: 0,
      said: [
        'setup: faketime is missing: installing it with apt-get',
        'setup: chromium is missing: installing it with apt-get',
        'setup: tinyproxy is missing: installing it with apt-get',
        'setup: nginx is missing: installing it with apt-get',
        'setup: openssl is missing: installing it with apt-get',
        'setup: ready',
        '',
      ].join('\n'),
    });
    expect(await setUp(checkout, '--tests')).toEqual({ code: 0, said: '' });
    expect(checkout.calls()).toEqual(Array(5).fill('apt-get install noninteractive'));
  },
);

test.skipIf(process.platform !== 'linux')(
  'the tests do without what cannot be installed, and that is said',
  async () => {
    const checkout = await readyCheckout();
    checkout.addCommand('apk', '#!/bin/sh\nexit 3\n');
    checkout.addCommand('sudo', '#!/bin/sh\nexit 1\n');
    checkout.addCommand('google-chrome', '#!/bin/sh\n');
    const { code, said } = await setUp(checkout, '--tests');
    expect(code).toBe(0);
    expect(said).toMatch(
      /setup: faketime is missing and could not be installed \(apk .*\): the tests that set the wall clock will be skipped; to run them: sudo apk add libfaketime/,
    );
    // Another one that serves as well is there.
    expect(said).not.toContain('chromium');
  },
);

test('a build that fails says so and leaves the old one in place', async () => {
  const checkout = await readyCheckout();
  checkout.write('src/cli/main.ts', 'broken');

  const { code, said } = await setUp(checkout);
  expect(code).toBe(1);
  expect(said).toContain('src/cli/main.ts(1,1): error TS1');
  expect(said).toContain('setup: the build failed: tsc ended with 2 (its words are above)');
  expect(checkout.read('dist/src/cli/main.js')).toContain('one');
});

test.each([
  ['a package that was removed', (checkout: Checkout) => remove(checkout, 'node_modules/typescript')],
  ['a lock file that changed', (checkout: Checkout) => changeLock(checkout)],
])('%s calls for npm ci', async (_what, change) => {
  const checkout = await readyCheckout();
  change(checkout);
  expect((await setUp(checkout)).code).toBe(0);
  expect(checkout.calls()).toContain('npm ci');
});

function remove(checkout: Checkout, path: string): void {
  rmSync(join(checkout.directory, path), { recursive: true });
}

function changeLock(checkout: Checkout): void {
  const lock = checkout.read('package-lock.json');
  checkout.write('package-lock.json', lock.replace('7.0.2', '7.0.3'));
}

test('dependencies that cannot be installed', async () => {
  const checkout = makeCheckout();
  checkout.write('npm-fails', '');
  const { code, said } = await setUp(checkout);
  expect(code).toBe(1);
  expect(said).toContain('npm error code E500');
  expect(said).toContain('setup: the dependencies could not be installed: npm ci ended with 7');
});

test('a machine without Redis and without a known package manager', async () => {
  const checkout = makeCheckout();
  const { code, said } = await setUp(checkout);
  expect(code).toBe(1);
  expect(said).toContain(
    'setup: redis-server is missing; install Redis 6.2 or later so that redis-server is on the PATH',
  );

  expect((await setUp(checkout, '--no-redis')).code).toBe(0);
});

test('a package manager that fails', async () => {
  const checkout = makeCheckout();
  checkout.addCommand('brew', '#!/bin/sh\necho no network >&2\nexit 3\n');
  const { code, said } = await setUp(checkout);
  expect(code).toBe(1);
  expect(said).toContain('no network');
  expect(said).toContain('could not be installed (brew ended with 3); run: brew install redis');
});

test('two at once do the work once', async () => {
  const checkout = makeCheckout();
  checkout.addCommand('redis-server', EMPTY_SERVER);
  const runs = await Promise.all([setUp(checkout), setUp(checkout), setUp(checkout)]);
  expect(runs.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(checkout.calls()).toEqual(['npm ci', 'tsc', 'rolldown', 'rolldown']);
});

test('a Node that is too old is named first of all', async () => {
  const checkout = makeCheckout();
  const versions = "Object.defineProperty(process, 'versions', { value: { node: '20.18.3' } })";
  const { code, said } = await setUp(
    checkout,
    `--import=data:text/javascript,${encodeURIComponent(versions)}`,
  );
  expect(code).toBe(1);
  expect(said).toBe('setup: Node 20.19 or later is needed, and this is 20.18.3\n');
  expect(checkout.calls()).toEqual([]);
});
