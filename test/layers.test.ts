import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { isTooHigh, smallFiles, takeFigures, toTable } from './layers/figures.ts';
import { readImports } from './layers/read-imports.ts';
import { findViolations, resolve } from './layers/rules.ts';
import { readSources } from './layers/sources.ts';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const repository = {
  sources: readSources(REPOSITORY),
  readme: readFileSync(join(REPOSITORY, 'README.md'), 'utf8'),
};

test('the layout of the repository keeps its rules', () => {
  expect(repository.sources.size).toBeGreaterThan(20);
  expect(findViolations(repository.sources)).toEqual([]);
});

/** All that a file imports, directly or not, at once or later: files of the repository, and names of packages. */
function reachedFrom(entry: string): string[] {
  const reached = new Set([entry]);
  for (const path of reached) {
    for (const { specifier } of readImports(repository.sources.get(path) ?? '')) {
      reached.add(specifier.startsWith('.') ? resolve(path, specifier) : specifier);
    }
  }
  return [...reached];
}

test('the library does not load the template, nor what is made from it', () => {
  const loaded = reachedFrom('src/index.ts');
  expect(loaded).toContain('src/config/config-schema.ts');
  expect(loaded.filter((path) => /template|examples|json-schema/.test(path))).toEqual([]);
});

test.each(['src/index.ts', 'src/sandbox.ts'])('%s imports no web server, command line or page', (entry) => {
  const loaded = reachedFrom(entry);
  expect(loaded).toContain('zod');
  const heavy = /^(?:@?fastify|commander|@commander-js|uplot|marked|pino-pretty)(?:$|[/-])/;
  expect(loaded.filter((name) => heavy.test(name))).toEqual([]);
  expect(reachedFrom('src/cli/main.ts').filter((name) => heavy.test(name))).toEqual(
    expect.arrayContaining(['commander', 'fastify', 'marked', 'pino-pretty']),
  );
});

describe('the repository is not larger than it may be', () => {
  test.each(takeFigures(repository))('$what: $value, at most $limit', (figure) => {
    expect(isTooHigh(figure), toTable([figure])).toBe(false);
  });
});

test('a figure is too high above its limit', () => {
  const figure = (value: number) => ({ what: 'lines', value, limit: 10 });
  expect([10, 11].map((value) => isTooHigh(figure(value)))).toEqual([false, true]);
});

test('figures count lines and files by folder, in sub-folders too', () => {
  const sources = new Map([
    ['src/queue/a.ts', 'one\n'],
    ['src/queue/scripts/b.ts', 'one\ntwo\n'],
    ['src/queues.ts', 'one\n'],
    ['workers/a.ts', 'one\ntwo\nthree\n'],
  ]);
  const values = new Map(takeFigures({ sources, readme: '\n\n' }).map(({ what, value }) => [what, value]));
  expect(values.get('src/queue: lines')).toBe(3);
  expect(values.get('src/queue: files')).toBe(2);
  expect(values.get('src and workers: lines')).toBe(7);
  expect(values.get('src and workers: files')).toBe(4);
  expect(values.get('longest file: lines')).toBe(3);
  expect(values.get('README: lines')).toBe(2);
});

test('small files are those under 30 lines that exactly one file imports', () => {
  const sources = new Map([
    ['src/http/main.ts', "import { a } from './a.ts';\nimport { b } from './b.ts';\nimport './long.ts';"],
    ['src/http/other.ts', "import { b } from './b.ts';"],
    ['src/http/a.ts', "import type { x } from './main.ts';"],
    ['src/http/b.ts', ''],
    ['src/http/long.ts', 'line\n'.repeat(30)],
    ['src/http/shorter.ts', 'line\n'.repeat(29)],
    ['src/service/c.ts', "import { x } from '../http/shorter.ts';\nimport { y } from '../http/shorter.ts';"],
  ]);
  expect(smallFiles(sources)).toEqual(['src/http/main.ts', 'src/http/a.ts', 'src/http/shorter.ts']);
});

describe('a source that breaks a rule is found', () => {
  test.each([
    [
      'src/core/a.ts',
      "import { Pool } from '../http/pool.ts';",
      /imports \.\.\/http\/pool\.ts: http is a higher layer of core/,
    ],
    ['src/core/a.ts', "import type { Log } from '../log.ts';", /src is a higher layer of core/],
    ['src/core/a.ts', "import { x } from '../config/x.ts';", /config is a higher layer of core/],
    ['src/core/a.ts', "import { hash } from 'node:crypto';", /core imports zod and itself only/],
    ['src/http/a.ts', "import { x } from '../auth/x.ts';", /auth is a sibling of http/],
    ['src/intake/a.ts', "export { x } from '../delivery/x.ts';", /delivery is a sibling of intake/],
    [
      'src/queue/a.ts',
      "const x = await import('../service/engine.ts');",
      /service is a higher layer of queue/,
    ],
    ['src/service/a.ts', "import '../cli/main.ts';", /cli is a higher layer of service/],
    ['src/service/a.ts', "import { x } from '../loadtest/x.ts';", /loadtest is a higher layer of service/],
    ['workers/delivery.ts', "import { x } from '../src/cli/x.ts';", /cli is a higher layer of workers/],
    ['src/service/a.ts', "import { Queue } from 'bullmq';", /only queue knows BullMQ/],
    ['src/service/a.ts', "import { x } from '../../test/support/x.ts';", /which is in no layer/],
    ['src/extras/a.ts', '', /extras is in no layer/],
    ['src/http/a.ts', 'const at = Date.now();', /:1 uses Date\.now/],
    ['src/http/a.ts', '\nconst at = new Date();', /:2 uses new Date\(\)/],
    ['src/http/a.ts', 'const at = new Date;', /uses new Date\(\)/],
    ['src/http/a.ts', 'log(`at ${Date.now()}`);', /uses Date\.now/],
    ['src/core/a.ts', 'const x = Math.random();', /uses Math\.random/],
    ['src/redis/a.ts', 'const x = process.env.HOME;', /uses process\.env/],
    ['src/redis/a.ts', 'export default 1;', /has a default export/],
    ['src/redis/a.ts', 'line\n'.repeat(251), /251 lines are more than 250/],
  ])('%s: %s', (path, source, violation) => {
    expect(findViolations(new Map([[path, source]]))).toEqual([expect.stringMatching(violation)]);
  });

  test('a cycle is reported once, whichever file is read first', () => {
    const sources = new Map([
      ['src/http/a.ts', "import { b } from './b.ts';"],
      ['src/http/b.ts', "import type { c } from './c.ts';"],
      ['src/http/c.ts', "export { a } from './a.ts';"],
      ['src/http/d.ts', "import { a } from './a.ts';"],
    ]);
    expect(findViolations(sources)).toEqual([
      'cycle: src/http/a.ts → src/http/b.ts → src/http/c.ts → src/http/a.ts',
    ]);
  });
});

describe('a source that keeps the rules is not reported', () => {
  test.each([
    ['src/cli/main.ts', "import { x } from '../../workers/delivery.ts';\nconst at = Date.now();"],
    ['src/service/a.ts', "import { x } from '../intake/x.ts';\nimport { y } from '../version.ts';"],
    ['src/delivery/a.ts', "import type { x } from '../queue/x.ts';\nimport { Redis } from 'ioredis';"],
    ['src/core/a.ts', "import { z } from 'zod';\nimport { x } from './event-types/x.ts';"],
    ['src/http/a.ts', "// Date.now()\n/* process.env */ const x = 'Math.random()'; const at = new Date(0);"],
    ['src/http/a.ts', "const quote = /['\"`]/; // import { x } from '../auth/x.ts'"],
  ])('%s: %s', (path, source) => {
    expect(findViolations(new Map([[path, source]]))).toEqual([]);
  });
});

test('imports are read in all their forms, but not from comments', () => {
  const source = [
    "import a, { type b } from './a.ts';",
    'import {',
    '  c,',
    '} from "./c.ts";',
    "import * as d from './d.ts';",
    "export * from './e.ts';",
    "import './f.ts';",
    "const g = await import('./g.ts');",
    "// import h from './h.ts';",
    "/* import i from './i.ts'; */",
    "type J = import('./j.ts').J;",
  ].join('\n');
  const found = readImports(source).map(({ specifier, line }) => `${line} ${specifier}`);
  expect(found.sort()).toEqual(
    ['1 ./a.ts', '2 ./c.ts', '5 ./d.ts', '6 ./e.ts', '7 ./f.ts', '8 ./g.ts', '11 ./j.ts'].sort(),
  );
});
