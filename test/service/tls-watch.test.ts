import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parseConfig } from '../../src/config/load-config.ts';
import { withTlsContents } from '../../src/config/named-tls-files.ts';
import { createLog } from '../../src/log.ts';
import { TlsWatch } from '../../src/service/tls-watch.ts';
import { certificates } from '../http/certificates.ts';
import { captureLogLines } from '../support/log-lines.ts';
import { testDirectory } from '../support/waybill-process.ts';

const [FIRST, SECOND] = [await certificates(), await certificates()];
const OWN = { cert: 'own.pem', key: 'own-key.pem' };

type Tls = Readonly<Record<string, string>>;

/** A watch over files in a directory; `clients`: the TLS settings of each. */
function watched(clients: Readonly<Record<string, Tls>>, files: Tls) {
  const directory = testDirectory();
  const path = (name: string): string => join(directory, name);
  const write = (name: string, text: string): void => writeFileSync(path(name), text);
  for (const [name, text] of Object.entries(files)) write(name, text);
  const settings = Object.entries(clients).map(([name, tls]) => [
    name,
    { baseUrl: 'https://x.example', endpoints: { disposition_update: '/d' }, tls },
  ]);
  let config = parseConfig(stringify({ clients: Object.fromEntries(settings) }), path('waybill.yaml'), {});
  const lines = captureLogLines();
  const watch = new TlsWatch(createLog({ level: 'debug', destination: lines.stream }));
  /** Looks, goes on with what was taken, and names the files. */
  const look = (): string[] => {
    const contents = watch.look(config);
    ({ config } = withTlsContents(config, contents));
    return [...contents.keys()].map((file) => file.slice(directory.length + 1));
  };
  const material = (name = 'acme') => config.clients[name]?.tlsMaterial;
  const told = () =>
    lines.lines.map(({ level, client, setting, reason }) => [level, client, setting, String(reason)]);
  return { path, write, look, material, told, lines: lines.lines };
}

test('files that stay as they are, or are written anew with the same content, are no news', () => {
  const { write, look, told } = watched({ acme: { ca: 'ca.pem' } }, { 'ca.pem': FIRST.ca });
  expect(look()).toEqual([]);
  write('ca.pem', FIRST.ca);
  expect([look(), look(), told()]).toEqual([[], [], []]);
});

test('a certificate that does not belong to the key yet waits for the key, and is told of once', () => {
  const { write, look, material, told } = watched(
    { acme: OWN },
    { 'own.pem': FIRST.client.cert, 'own-key.pem': FIRST.client.key },
  );
  look();
  write('own.pem', SECOND.client.cert);
  expect([look(), look(), look()]).toEqual([[], [], []]);
  expect(material()).toMatchObject(FIRST.client);
  expect(told()).toEqual([['warn', 'acme', 'tls', expect.stringContaining('do not belong together')]]);
  write('own-key.pem', SECOND.client.key);
  expect(look().sort()).toEqual(['own-key.pem', 'own.pem']);
  expect(material()).toMatchObject(SECOND.client);
  expect(look()).toEqual([]);
  expect(told()).toHaveLength(1);
});

test.each([
  ['half written', SECOND.ca.slice(0, 300), /certificate that is broken or cut off/],
  ['empty', '', /not in PEM form/],
  ['gone', undefined, /cannot be read \(ENOENT\)/],
])('an authority that is %s leaves the present one in use until it is sound', (_, text, reason) => {
  const { path, write, look, material, told } = watched({ acme: { ca: 'ca.pem' } }, { 'ca.pem': FIRST.ca });
  look();
  if (text === undefined) rmSync(path('ca.pem'));
  else write('ca.pem', text);
  expect([look(), look()]).toEqual([[], []]);
  expect(material()).toMatchObject({ ca: FIRST.ca });
  expect(told()).toEqual([['warn', 'acme', 'tls.ca', expect.stringMatching(reason)]]);
  write('ca.pem', FIRST.ca);
  expect(look()).toEqual([]);
  if (text === undefined) rmSync(path('ca.pem'));
  else write('ca.pem', text);
  look();
  // It has been sound meanwhile.
  expect(told()).toHaveLength(2);
  write('ca.pem', SECOND.ca);
  expect([look(), material()]).toEqual([['ca.pem'], { ca: SECOND.ca, minVersion: '1.2' }]);
});

test('a directory of links that is exchanged at once, as Kubernetes does, is noticed', () => {
  const { path, look, material } = watched(
    { acme: { ca: 'ca.pem' } },
    { 'v1.pem': FIRST.ca, 'ca.pem': FIRST.ca },
  );
  rmSync(path('ca.pem'));
  symlinkSync('v1.pem', path('current'));
  symlinkSync('current', path('ca.pem'));
  expect(look()).toEqual([]);
  writeFileSync(path('v2.pem'), SECOND.ca);
  symlinkSync('v2.pem', path('next'));
  renameSync(path('next'), path('current'));
  expect(look()).toEqual(['ca.pem']);
  expect(material()).toMatchObject({ ca: SECOND.ca });
});

test('a link that leads nowhere is told of, and ends nothing', () => {
  const { path, look, material, told } = watched({ acme: { ca: 'ca.pem' } }, { 'ca.pem': FIRST.ca });
  rmSync(path('ca.pem'));
  symlinkSync('ca.pem', path('ca.pem'));
  expect([look(), look()]).toEqual([[], []]);
  expect(material()).toMatchObject({ ca: FIRST.ca });
  expect(told()).toEqual([['warn', 'acme', 'tls.ca', expect.stringContaining('cannot be read (ELOOP)')]]);
});

test('files that many clients share are told of once, with the first of them and their count', () => {
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`c${n}`, { ca: 'ca.pem' }]));
  const own = { 'own.pem': FIRST.client.cert, 'own-key.pem': FIRST.client.key };
  const files = { 'ca.pem': FIRST.ca, 'other.pem': FIRST.ca };
  const clients = { ...many, c1: { ca: 'ca.pem', ...OWN }, other: { ca: 'other.pem' } };
  const { write, look, lines } = watched(clients, { ...files, ...own });
  look();
  for (const name of Object.keys(files)) write(name, SECOND.ca.slice(0, 300));
  expect([look(), look()]).toEqual([[], []]);
  expect(lines.map(({ client, clients, count }) => client ?? [clients, count])).toEqual([
    [['c0', 'c1', 'c2', 'c3', 'c4'], 50],
    'other',
  ]);
});

test('a client whose files are broken holds up only those that share one of them', () => {
  const files = { 'own.pem': FIRST.client.cert, 'own-key.pem': FIRST.client.key, 'ca.pem': FIRST.ca };
  const clients = { broken: { ...OWN, ca: 'ca.pem' }, shares: { ca: 'ca.pem' }, other: { ca: 'other.pem' } };
  const { write, look, material, told } = watched(clients, { ...files, 'other.pem': FIRST.ca });
  look();
  for (const name of ['own.pem', 'ca.pem', 'other.pem'])
    write(name, name === 'own.pem' ? SECOND.client.cert : SECOND.ca);
  expect(look()).toEqual(['other.pem']);
  expect([material('shares')?.ca, material('other')?.ca]).toEqual([FIRST.ca, SECOND.ca]);
  expect(told().map(([, client]) => client)).toEqual(['broken']);
  write('own-key.pem', SECOND.client.key);
  expect(look().sort()).toEqual(['ca.pem', 'own-key.pem', 'own.pem']);
  expect(material('broken')).toMatchObject({ ca: SECOND.ca, ...SECOND.client });
  expect(material('shares')?.ca).toBe(SECOND.ca);
});
