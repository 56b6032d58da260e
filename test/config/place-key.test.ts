import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { keyNames, placeKey } from '../../src/config/place-key.ts';
import { FILE } from '../support/config-problems.ts';

const CLIENTS =
  'clients: { acme: { baseUrl: "https://x.example", endpoints: { disposition_update: /d } } }\n';
const NEW = { name: 'new', sha256: '1e'.repeat(32), scopes: ['submit', 'read'], clients: ['acme'] };
const entry = (name: string): string => `{ name: ${name}, sha256: "${'a'.repeat(64)}", scopes: [submit] }`;

/** Does what the place says. */
function followed(text: string): string {
  const { where = 'at the end', lines } = placeKey(text, NEW);
  const rows = text.split('\n');
  const line = Number(/ line (\d+)/.exec(where)?.[1]);
  const row = rows[line - 1] ?? '';
  if (where.startsWith('below line')) rows.splice(line, 0, lines);
  else if (where === 'at the end') rows.push(lines);
  else {
    const bracket = where.includes('brace') ? '{' : '[';
    const at = row.indexOf(bracket, row.indexOf(bracket === '{' ? 'http' : 'keys')) + 1;
    const comma = where.endsWith('comma') ? ',' : '';
    rows[line - 1] = `${row.slice(0, at)}${lines}${comma}${row.slice(at)}`;
  }
  return rows.join('\n');
}

test.each([
  ['no http', CLIENTS, []],
  ['nothing in it', '', []],
  ['an empty http', `http: {}\n${CLIENTS}`, []],
  ['an http without a value', `http:\n${CLIENTS}`, []],
  ['an http without keys', `# first\nhttp:\n    # the port\n    port: 8425\n${CLIENTS}`, []],
  ['an http in braces', `${CLIENTS}http: { port: 8425 }\n`, []],
  ['an empty list', `http:\n  port: 8425\n  keys: []\n${CLIENTS}`, []],
  ['a list in brackets', `http: { port: 1, keys: [${entry('old')}] }\n${CLIENTS}`, ['old']],
  ['a list', `${CLIENTS}http:\n  keys:\n    # of the shop\n    - ${entry('old')}\n  port: 1`, ['old']],
  [
    'a list at the edge of its section',
    `http:\n  keys:\n  - name: old\n    sha256: "${'b'.repeat(64)}"\n    scopes: [read]\n  port: 1\n${CLIENTS}`,
    ['old'],
  ],
])('a key fits a file with %s', (_what, text, names) => {
  expect(keyNames(text)).toEqual(names);
  const next = followed(text);
  const whole = text.includes('acme') ? next : `${next}\n${CLIENTS}`;
  const { http } = parseConfig(whole, FILE, {});
  expect(http?.keys[0]).toEqual(NEW);
  expect(http?.keys.slice(1).map(({ name }) => name)).toEqual(names);
});

test('of a file that is not understood nothing is said but where a key begins', () => {
  for (const text of ['http: [', '- a', 'http: 5\n', 'keys: &k []\nhttp: *k\n']) {
    expect(placeKey(text, NEW)).toMatchObject({
      where: undefined,
      lines: expect.stringMatching(/^http:\n {2}keys:\n/),
    });
    expect(keyNames(text)).toEqual([]);
  }
});
