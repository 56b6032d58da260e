import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { addCommands } from '../../src/cli/add-commands.ts';
import { EXIT } from '../../src/cli/run-command.ts';
import { parseConfig } from '../../src/config/load-config.ts';
import { FAILURE_CLASSES } from '../../src/core/attempt-result.ts';
import { RESULT_EXIT } from '../../src/loadtest/load-report.ts';
import { SIGNAL_EXIT } from '../../src/service/lifecycle.ts';
import { VERSION } from '../../src/version.ts';
import {
  codeIn,
  itemsOf,
  MADE_TOPICS,
  ROOT,
  readRepository,
  readTopic,
  rowsOf,
  sectionOf,
  sources,
  TEXTS,
  TOPICS,
} from './texts.ts';

const README = readRepository('README.md');
const NO_PROSE = /^(?:\||[│┌├└]|<!--)/;

/** Node's own codes: ENOTFOUND, ECONNREFUSED ... */
const SYSTEM_ERROR = /^E[A-Z]+$/;

/**
 * Codes are written as literals: as the first argument of an error or a refusal, or as a `code` field. What
 * `http` calls a code is what Node calls it, and never leaves it.
 */
function codesInSource(): Set<string> {
  const pattern =
    /(?:WaybillError|ProblemError|super|refusal)\(\s*(?:[\w.?]+ \?\? )?'([A-Z][A-Z_]+)'|code: '([A-Z][A-Z_]+)'/g;
  const found = new Set<string>();
  for (const [path, text] of sources()) {
    for (const [, error, field] of text.matchAll(pattern)) {
      const code = error ?? (path.startsWith('http/') ? undefined : field);
      if (code !== undefined && !SYSTEM_ERROR.test(code)) found.add(code);
    }
  }
  return found;
}

test('errors.md has every error code, and no other', () => {
  const listed = itemsOf(readTopic('errors').split('\n## ')[0] ?? '');
  expect(listed.sort()).toEqual([...codesInSource()].sort());
});

test('errors.md and README have every failure class, and no other', () => {
  const classes = [...FAILURE_CLASSES].sort();
  expect(itemsOf(sectionOf(readTopic('errors'), 'Failure classes')).sort()).toEqual(classes);
  const rows = rowsOf(sectionOf(README, 'What becomes of an event'));
  expect(rows.flatMap(([, cell = '']) => codeIn(cell)).sort()).toEqual(classes);
});

test('every metric is in metrics.md, and it names no other', () => {
  const inSource = sources().flatMap(([, text]) =>
    [...text.matchAll(/'(waybill_[a-z_]+[a-z])'/g)].map(([, name]) => name),
  );
  expect(itemsOf(readTopic('metrics')).sort()).toEqual([...new Set(inSource)].sort());
});

describe('commands', () => {
  /** Every command and subcommand, as words. */
  async function allCommands(): Promise<ReadonlyMap<string, Command>> {
    const program = new Command('waybill');
    await addCommands(program, []);
    const found = new Map<string, Command>();
    for (const command of program.commands) {
      found.set(command.name(), command);
      for (const each of command.commands) found.set(`${command.name()} ${each.name()}`, each);
    }
    return found;
  }

  test('README has every command, and no other', async () => {
    const rows = rowsOf(sectionOf(README, 'Operating it')).filter(([cell = '']) => cell.includes('waybill'));
    const named = rows.flatMap(([cell = '']) => codeIn(cell)).map((code) => code.replace('waybill ', ''));
    const commands = [...(await allCommands()).keys()];
    expect(named.sort()).toEqual(commands.filter((name) => !name.includes(' ')).sort());
    for (const name of commands.filter((each) => each.includes(' '))) {
      expect(rows.flat().join(' '), name).toContain(`\`${name.split(' ')[1]}\``);
    }
  });

  test.each(TEXTS)('%s names commands and options that exist', async (_path, text) => {
    const commands = await allCommands();
    for (const line of commandLines(text)) {
      const [, name = '', next = ''] = /^waybill ([a-z-]+)(?: ([a-z-]+))?/.exec(line) ?? [];
      const command = commands.get(`${name} ${next}`) ?? commands.get(name);
      expect(command, line).toBeDefined();
      const known = command?.options.map(({ long }) => long) ?? [];
      for (const option of line.match(/(?<= )--[a-z-]+/g) ?? []) {
        expect([...known, '--config', '--json', '--help', '--version'], line).toContain(option);
      }
    }
  });

  /** What a text shows of `waybill`, in code blocks and between backticks, each in one line. */
  function commandLines(text: string): string[] {
    const blocks = text.match(/^```[\s\S]*?^```$/gm) ?? [];
    const shown =
      blocks
        .join('\n')
        .replaceAll('\\\n', ' ')
        .match(/\bwaybill [a-z-]+ [^\n#|&]*/g) ?? [];
    const prose = text.replace(/^```[\s\S]*?^```$/gm, '').replace(/\s+/g, ' ');
    return [...shown, ...codeIn(prose).filter((code) => /^waybill (?![<-])/.test(code))];
  }
});

test("README has every exit code, and loadtest.md the load test's own", () => {
  const told = rowsOf(sectionOf(README, 'Operating it')).map(([cell]) => Number(cell));
  expect(told.filter((code) => !Number.isNaN(code))).toEqual(Object.values(EXIT));
  const items = sectionOf(readTopic('loadtest'), 'Exit codes').match(/(?<=^- )[\d, ]+(?=:)/gm) ?? [];
  const own = new Set<number>([...Object.values(RESULT_EXIT), EXIT.usage, ...Object.values(SIGNAL_EXIT)]);
  expect(items.join(', ').split(', ').map(Number)).toEqual([...own].sort((a, b) => a - b));
});

describe('topics', () => {
  test.each(TOPICS)('%s begins with a heading that fits beside its name', (topic) => {
    expect(readTopic(topic)).toMatch(/^# .{10,62}\n/);
  });

  // A terminal breaks longer lines in the middle of a word. The table of the promises is as wide as it is.
  test.each(TOPICS.filter((topic) => topic !== 'promises'))('%s has prose of 80 columns at most', (topic) => {
    const prose = readTopic(topic).replace(/^```[\s\S]*?^```$/gm, '');
    const long = prose.split('\n').filter((line) => line.length > 80 && !NO_PROSE.test(line));
    expect(long).toEqual([]);
  });

  test('each topic that a text or a message names exists', () => {
    const named = [...TEXTS, ...sources()].flatMap(([path, text]) =>
      [...text.matchAll(/waybill\s+docs ([a-z-]+)/g)].map(([, topic = '']) => ({ path, topic })),
    );
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter(({ topic }) => ![...TOPICS, ...MADE_TOPICS].includes(topic))).toEqual([]);
  });
});

describe('README', () => {
  test('has at most 170 lines', () => {
    expect(README.trimEnd().split('\n').length).toBeLessThanOrEqual(170);
  });

  test('has a configuration that loads', () => {
    const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(README) ?? [];
    const { clients } = parseConfig(yaml, '/srv/waybill.yaml', { ACME_CLIENT_SECRET: 'secret' });
    expect(Object.keys(clients)).toEqual(['acme']);
  });

  test('has every folder of src in its map, and no other', () => {
    const rows = rowsOf(sectionOf(README, 'Map of the code'));
    const inSource = sources().flatMap(([path]) => (path.includes('/') ? [path.split('/')[0]] : []));
    expect(rows.flatMap(([cell = '']) => codeIn(cell)).sort()).toEqual(
      [...new Set([...inSource, 'docs'])].sort(),
    );
  });
});

test.each(TEXTS)('each file that %s names exists', (_path, text) => {
  const paths = codeIn(text).filter((code) => /^(?:src|workers)\/[\w./-]*$/.test(code));
  for (const path of paths) expect(existsSync(`${ROOT}${path}`), path).toBe(true);
});

test('the version is that of the package', () => {
  expect(JSON.parse(readRepository('package.json')).version).toBe(VERSION);
});
