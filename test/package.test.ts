import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNode } from './support/node-process.ts';
import { testRedisPath, uniqueClientName } from './support/redis.ts';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const MODULES = join(REPOSITORY, 'node_modules');
const CONSUMER = fileURLToPath(new URL('./package/consumer.ts', import.meta.url));
const TSC = join(MODULES, 'typescript', 'bin', 'tsc');
const TOLD = ['CHANGELOG.md', 'LICENSE', 'README.md'];
/** All that a build needs. */
const SOURCES = ['.npmrc', 'package.json', 'package-lock.json', 'tsconfig.json', 'src', 'workers'];
/** What only the command, the HTTP API and reports need. */
const HEAVY = ['fastify', 'fastify-type-provider-zod', '@fastify/swagger', 'uplot', 'marked', 'pino-pretty'];
const NOT_FOR_PROGRAMS = new Set([...HEAVY, 'commander', 'cli-table3', 'cli-progress', 'cli-truncate']);

const { dependencies, version }: { dependencies: Record<string, string>; version: string } = JSON.parse(
  readFileSync(join(REPOSITORY, 'package.json'), 'utf8'),
);
const place = mkdtempSync(join(tmpdir(), 'waybill-package-'));
const clone = join(place, 'clone');
const tarball = join(clone, `waybill-${version}.tgz`);
const program = join(place, 'program');
afterAll(() => rmSync(place, { recursive: true, force: true }));

beforeAll(() => {
  for (const path of [...SOURCES, ...TOLD]) {
    cpSync(join(REPOSITORY, path), join(clone, path), { recursive: true });
  }
  // A build has a cache of its own there.
  const packages = readdirSync(MODULES).filter((name) => name !== '.cache');
  link(clone, packages);
  run('npm', ['run', '--silent', 'package'], clone);
});

beforeAll(() => {
  install(program, (name) => !NOT_FOR_PROGRAMS.has(name));
  link(program, ['@types/node']);
  const compilerOptions = { strict: true, target: 'es2022', module: 'nodenext', types: ['node'] };
  const files = ['consumer.mts', 'consumer.cts'];
  for (const file of files) cpSync(CONSUMER, join(program, file));
  writeFileSync(join(program, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  run(process.execPath, [TSC, '-p', '.'], program);
});

test('the tarball of a clone that was not built holds what is built, and neither sources nor tests', () => {
  const files = run('tar', ['-tzf', tarball], place).trim().split('\n');
  const others = files.filter((file) => !/^package\/(?:dist\/(?:src|workers)|src\/docs)\//.test(file));
  expect(others.sort()).toEqual([...TOLD, 'package.json'].map((name) => `package/${name}`));
  expect(files).toEqual(expect.arrayContaining(['package/dist/src/index.js', 'package/src/docs/send.md']));
  expect(files.filter((file) => /(?<!\.d)\.ts$|\.test\./.test(file))).toEqual([]);
  // Most of it is what the command is bundled with.
  expect(statSync(tarball).size).toBeLessThan(3 * 1024 * 1024);
});

test.each([
  ['an ES module', 'consumer.mjs'],
  ['CommonJS', 'consumer.cjs'],
])('%s submits, delivers and plays a client without the packages of the command', async (_what, file) => {
  const used = startNode([file, uniqueClientName(), testRedisPath()], { cwd: program });
  expect({ ...(await used.exit), stderr: used.stderr }).toEqual({ code: 0, signal: null, stderr: '' });
  expect(JSON.parse(used.stdout)).toEqual({
    accepted: 7,
    requests: 14,
    refusal: 'CONFIG_INVALID',
    lines: expect.arrayContaining(['delivering', 'started', 'stopped']),
  });
});

test('the command runs from the tarball, with its documentation', () => {
  const whole = join(place, 'whole');
  install(whole, () => true);
  const command = join(whole, 'node_modules/waybill/dist/src/cli/main.js');
  expect(run(process.execPath, [command, 'docs', 'send'], whole)).toContain('Idempotency keys');
});

/** Unpacks the tarball into a new project as npm does, with those of its dependencies that are wanted. */
function install(project: string, isWanted: (dependency: string) => boolean): void {
  const own = join(project, 'node_modules/waybill');
  mkdirSync(own, { recursive: true });
  run('tar', ['-xzf', tarball, '--strip-components=1', '-C', own], project);
  link(project, Object.keys(dependencies).filter(isWanted));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ dependencies: { waybill: version } }));
}

/** Puts packages of the clone into a directory's node_modules; theirs are found where they really are. */
function link(directory: string, packages: readonly string[]): void {
  for (const name of packages) {
    const at = join(directory, 'node_modules', name);
    mkdirSync(dirname(at), { recursive: true });
    symlinkSync(join(MODULES, name), at);
  }
}

/** @returns what it wrote to stdout */
function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  expect(status, `${command} ${args.join(' ')}\n${stdout}\n${stderr}`).toBe(0);
  return stdout;
}
