import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig, parseConfig } from '../../src/config/load-config.ts';
import { FILE, problemsOf, withClient } from '../support/config-problems.ts';
import { testDirectory } from '../support/waybill-process.ts';

/** A configuration whose bearer token is this text. */
function bearer(token: string): string {
  return withClient(`auth: { type: bearer, token: '${token}' }`);
}

/** A directory with these files, and the configuration file that stands there. */
function directoryWith(files: Record<string, string | Buffer>): { directory: string; file: string } {
  const directory = testDirectory();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  return { directory, file: join(directory, 'waybill.yaml') };
}

test.each([
  ['s3cret', 's3cret'],
  ['s3cret\n', 's3cret'],
  ['s3cret\r\n', 's3cret'],
  ['\ufeffs3cret\n', 's3cret'],
  ['${NAME}\n', '${NAME}'],
])('a file that holds %j gives the credential %j', (content, token) => {
  const { directory, file } = directoryWith({ token: content });
  for (const path of ['token', './token', join(directory, 'token')]) {
    const { clients } = parseConfig(bearer(`\${file:${path}}`), file, {});
    expect(clients.acme?.auth).toEqual({ type: 'bearer', token });
  }
});

test('a file stands beside other text, variables and files', () => {
  const { directory, file } = directoryWith({ one: 'one\n', two: 'two\n' });
  writeFileSync(file, bearer('${file:one}-${NAME}-${file:two}'));
  expect(loadConfig(file, { NAME: 'and' }).clients.acme?.auth).toMatchObject({ token: 'one-and-two' });
  mkdirSync(join(directory, 'inner'));
  expect(problemsOf(bearer('${file:one}'), {}, join(directory, 'inner', 'waybill.yaml'))).toHaveLength(1);
});

test.each([
  ['gone', 'refers to a file that cannot be read (ENOENT)'],
  ['.', 'refers to a file that cannot be read (EISDIR)'],
  ['empty', 'refers to a file that is empty'],
  ['break', 'refers to a file that is empty'],
  ['large', 'refers to a file that is larger than 64 KiB'],
  ['latin1', 'refers to a file that is not valid UTF-8'],
])('the file %s is a problem that names it', (name, reason) => {
  const { directory, file } = directoryWith({
    empty: '',
    break: '\n',
    large: 's3cret'.repeat(12_000),
    latin1: Buffer.from('s\u00e9cret', 'latin1'),
  });
  expect(problemsOf(bearer(`\${file:${name}}`), {}, file)).toEqual([
    `1 $.clients.acme.auth.token ${reason}: ${join(directory, name)}`,
  ]);
});

test('a file of 64 KiB is taken', () => {
  const { file } = directoryWith({ token: 'x'.repeat(65_536) });
  expect(parseConfig(bearer('${file:token}'), file, {}).clients.acme?.auth).toMatchObject({ type: 'bearer' });
});

test('a file that ends in two line breaks is named', () => {
  const { directory, file } = directoryWith({ token: 's3cret\n\n' });
  expect(problemsOf(bearer('${file:token}'), {}, file)).toEqual([
    `1 $.clients.acme.auth.token must not end in a line break (the file ${join(directory, 'token')} holds it)`,
  ]);
});

test('what should stand in the file is not repeated if it stands in the place of the name', () => {
  for (const path of ['-----BEGIN PRIVATE KEY-----marked', 'MIIEvQmarked'.repeat(30)]) {
    expect(problemsOf(bearer(`\${file:${path}}`), {}, FILE)).toEqual([
      '1 $.clients.acme.auth.token must name a file in ${file:…}, not what stands in it',
    ]);
  }
});

test('a PEM from a file may stand in the body of a token service', () => {
  const pem = '-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----';
  const { file } = directoryWith({ 'key.pem': `${pem}\n` });
  const service = 'type: token_service, url: "https://a.example/login", tokenPointer: /t';
  const text = withClient(`auth: { ${service}, body: { key: "\${file:key.pem}" } }`);
  expect(parseConfig(text, file, {}).clients.acme?.auth).toMatchObject({ body: { key: pem } });
});
