import { expect, test } from 'vitest';
import { findCredentialDoubts } from '../../src/config/credential-doubts.ts';
import { parseConfig } from '../../src/config/load-config.ts';
import { clientProblems, FILE, withClient } from '../support/config-problems.ts';

/** The settings of a client that asks for a token with these parameters. */
function withParameters(parameters: string): string {
  const auth = 'type: oauth2, tokenUrl: "https://t.example", clientId: a, clientSecret: b';
  return `auth: { ${auth}, parameters: { ${parameters} } }`;
}

test.each(['grant_type', 'client_id', 'Client_Secret', 'scope'])('a parameter cannot be %s', (name) => {
  expect(clientProblems(withParameters(`${name}: a`))).toEqual([
    `auth.parameters.${name} must not be ${name}: that parameter has a setting of its own`,
  ]);
});

test('a parameter is a text of one line', () => {
  expect(clientProblems(withParameters('a: 1, b: "", c: "x\\ny"'))).toEqual([
    'auth.parameters.a must be text, found a number: put it in quotes',
    'auth.parameters.b must not be empty',
    'auth.parameters.c must not hold a line break',
  ]);
});

test('parameters that came from the environment are known as secrets, others are not', () => {
  const settings = withParameters('audience: "https://x.example", key: "${KEY}", more: "k=${KEY}"');
  const { acme } = parseConfig(withClient(settings), FILE, { KEY: "'quoted'" }).clients;
  expect(acme?.auth).toMatchObject({ secretParameters: ["'quoted'", "'quoted'", "k='quoted'", "'quoted'"] });
  expect(acme && findCredentialDoubts(acme)).toEqual([{ setting: 'auth.parameters.key', around: 'quotes' }]);
});
