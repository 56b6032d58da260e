import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startNode } from './support/node-process.ts';
import { testRedisPath, uniqueClientName } from './support/redis.ts';
import { testDirectory } from './support/waybill-process.ts';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const MODULES = join(REPOSITORY, 'node_modules');
const CONSUMER = fileURLToPath(new URL('./package/consumer.ts', import.meta.url));
const TSC = join(MODULES, 'typescript', 'bin', 'tsc');
/** All that a clone has and a build needs. */
const FILES = ['.npmrc', 'package.json', 'package-lock.json', 'tsconfig.json'];
const TOLD = ['CHANGELOG.md', 'LICENSE', 'README.md'];
const FOLDERS = ['src', 'workers', 'test'];
/** What only the command, the HTTP API and reports need. */
const HEAVY = ['fastify', 'fastify-type-provider-zod', '@fastify/swagger', 'uplot', 'marked', 'pino-pretty'];
const NOT_FOR_PROGRAMS = new Set([...HEAVY, 'commander', 'cli-table3', 'cli-progress', 'cli-truncate']);

const { dependencies, version }: { dependencies: Record<string, string>; version: string } = JSON.parse(
  readFileSync(join(REPOSITORY, 'package.json'), 'utf8'),
);

test('the packed package is built, and used with its types by ES modules and CommonJS', async () => {
  const clone = cloneWithoutBuild();
  const tarball = pack(clone);
  const files = run('tar', ['-tzf', tarball], clone).trim().split('\n');
  const others = files.filter((file) => !/^package\/(?:dist\/(?:src|workers)|src\/docs)\//.test(file));
  expect(others.sort()).toEqual([...TOLD, 'package.json'].map((name) => `package/${name}`));
  expect(files).toEqual(expect.arrayContaining(['package/dist/src/index.js', 'package/src/docs/send.md']));
  expect(files.filter((file) => /(?<!\.d)\.ts$|\.test\./.test(file))).toEqual([]);
  expect(statSync(tarball).size).toBeLessThan(1024 * 1024);

  const project = projectWith(tarball, (name) => !NOT_FOR_PROGRAMS.has(name));
  run(process.execPath, [TSC, '-p', '.'], project);
  for (const program of ['consumer.mjs', 'consumer.cjs']) {
    const used = startNode([program, uniqueClientName(), testRedisPath()], { cwd: project });
    expect({ ...(await used.exit), stderr: used.stderr }).toEqual({ code: 0, signal: null, stderr: '' });
    expect(JSON.parse(used.stdout)).toEqual({
      accepted: 7,
      requests: 14,
      refusal: 'CONFIG_INVALID',
      lines: expect.arrayContaining(['delivering', 'started', 'stopped']),
    });
  }

  const whole = projectWith(tarball, () => true);
  const command = join(whole, 'node_modules/waybill/dist/src/cli/main.js');
  expect(run(process.execPath, [command, 'docs', 'send'], whole)).toContain('idempotency keys');
  expect(run(process.execPath, [command, 'sandbox', '--example'], whole)).toContain('endpoints:');
});

/** The clone's sources without dist/, and the packages that are installed in the clone. */
function cloneWithoutBuild(): string {
  const clone = testDirectory();
  for (const path of [...FILES, ...TOLD, ...FOLDERS]) {
    cpSync(join(REPOSITORY, path), join(clone, path), { recursive: true });
  }
  // A build has a cache of its own there.
  link(
    clone,
    readdirSync(MODULES).filter((name) => name !== '.cache'),
  );
  return clone;
}

/** @returns the path of the tarball */
function pack(clone: string): string {
  run('npm', ['run', '--silent', 'package'], clone);
  return join(clone, `waybill-${version}.tgz`);
}

/** A project with the package in it, unpacked as npm does, and of its dependencies those that are wanted. */
function projectWith(tarball: string, isWanted: (dependency: string) => boolean): string {
  const project = testDirectory();
  const own = join(project, 'node_modules/waybill');
  mkdirSync(own, { recursive: true });
  run('tar', ['-xzf', tarball, '--strip-components=1', '-C', own], project);
  link(project, [...Object.keys(dependencies).filter(isWanted), '@types/node']);
  const compilerOptions = { strict: true, target: 'es2022', module: 'nodenext', types: ['node'] };
  const files = ['consumer.mts', 'consumer.cts'];
  for (const file of files) cpSync(CONSUMER, join(project, file));
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ dependencies: { waybill: '*' } }));
  return project;
}

/** Puts packages of the clone into a directory's node_modules; theirs are found where they really are. */
function link(directory: string, packages: readonly string[]): void {
  for (const name of packages) {
    const place = join(directory, 'node_modules', name);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(join(MODULES, name), place);
  }
}

/** @returns what it wrote to stdout */
function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  expect(status, `${command} ${args.join(' ')}\n${stdout}\n${stderr}`).toBe(0);
  return stdout;
}
