import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readImports } from './layers/read-imports.ts';
import { findViolations, type Sources } from './layers/rules.ts';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));

function repositorySources(): Sources {
  const paths = ['src', 'workers'].flatMap((top) =>
    readdirSync(join(REPOSITORY, top), { recursive: true, encoding: 'utf8' }).map((path) => `${top}/${path}`),
  );
  const sources = paths.filter((path) => /\.m?[jt]s$/.test(path));
  return new Map(sources.map((path) => [path, readFileSync(join(REPOSITORY, path), 'utf8')]));
}

test('the layout of the repository keeps its rules', () => {
  const sources = repositorySources();
  expect(sources.size).toBeGreaterThan(20);
  expect(findViolations(sources)).toEqual([]);
});

describe('what breaks the rules is found', () => {
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

  test('a cycle, once, whoever comes first', () => {
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

describe('what keeps the rules is let be', () => {
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

test('imports are read in all their forms, and not from comments', () => {
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
