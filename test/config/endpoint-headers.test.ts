import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { clientProblems, FILE, problemsOf, withClient } from '../support/config-problems.ts';

const OURS = "that header is Waybill's to write";

describe('a header of requests', () => {
  test.each(['Accept', 'user-agent', 'Idempotency-Key', 'X-Waybill-Attempt', 'Host', 'content-length'])(
    'that Waybill writes is refused: %s',
    (name) => {
      const [problem, ...others] = clientProblems(`headers: { ${name}: a }`);
      expect(problem).toMatch(new RegExp(`^headers.*${name}.* must not be ${name}: ${OURS}$`));
      expect(others).toEqual([]);
    },
  );

  test.each([
    ['{ type: bearer, token: abc }', 'authorization'],
    ['{ type: basic, username: a, password: b }', 'Authorization'],
    ['{ type: oauth2, tokenUrl: "https://t.example", clientId: a, clientSecret: b }', 'Authorization'],
    [
      '{ type: token_service, url: "https://t.example", tokenPointer: /t, header: authorization }',
      'AUTHORIZATION',
    ],
    ['{ type: token_service, url: "https://t.example", tokenPointer: /t }', 'Authorization'],
    ['{ type: api_key, header: Secret, key: b }', 'secret'],
  ])('that auth writes is refused, of the client and of an endpoint: %s', (auth, name) => {
    const endpoints = `endpoints: { disposition_update: { path: /d, headers: { ${name}: a } } }`;
    const text = `clients: { acme: { baseUrl: "https://x.example", auth: ${auth}, headers: { ${name}: a }, ${endpoints} } }`;
    const message = 'must not be given: auth writes that header';
    expect(problemsOf(text)).toEqual([
      `1 $.clients.acme.headers.${name} ${message}`,
      `1 $.clients.acme.endpoints.disposition_update.headers.${name} ${message}`,
    ]);
  });

  test.each([
    '{ type: none }',
    '{ type: api_key, header: X-Key, key: b }',
    '{ type: token_service, url: "https://t.example", tokenPointer: /t, header: X-Token }',
  ])('may be Authorization if auth does not write it: %s', (auth) => {
    const text = withClient(`auth: ${auth}, headers: { Authorization: "Custom abc" }`);
    const { clients } = parseConfig(text, FILE, {});
    expect(clients.acme?.endpoints.disposition_update?.headers).toEqual(['Authorization', 'Custom abc']);
  });

  test('that auth writes is told together with other problems', () => {
    expect(clientProblems('auth: { type: bearer }, headers: { Authorization: a, "x y": "" }')).toEqual([
      'headers["x y"] must be the name of an HTTP header, such as X-Api-Key',
      'auth.token is required',
      'headers.Authorization must not be given: auth writes that header',
    ]);
  });

  test('is refused in another case of the same name', () => {
    expect(clientProblems('headers: { X-Key: a, x-key: b }')).toEqual([
      'headers["x-key"] is given twice: upper and lower case make no other header',
    ]);
  });

  test.each([
    ['application/json', true],
    ['Application/JSON; charset=utf-8', true],
    ['application/vnd.acme.v2+json;charset="utf-8"; v=1', true],
    ['application/xml', false],
    ['text/plain; a=application/json', false],
    ['application/json; charset', false],
    ['application/+json', false],
    ['+json', false],
    ['application/json, text/html', false],
  ])('is a media type of JSON if it is the Content-Type: %s', (type, isValid) => {
    const settings = `headers: { content-type: '${type}' }`;
    if (isValid) expect(() => parseConfig(withClient(settings), FILE, {})).not.toThrow();
    else {
      expect(clientProblems(settings)).toEqual([
        'headers["content-type"] must be a media type of JSON: application/json, or one that ends in +json',
      ]);
    }
  });
});

test("an endpoint's headers take the place of the client's of the same name, whatever their case", () => {
  const endpoints =
    'disposition_update: /d, inventory_receipt: { path: /r, headers: { x-tenant: "${B}", X-More: c } }';
  const text = `clients: { acme: { baseUrl: "https://x.example", headers: { X-Tenant: "t-\${A}", X-All: z }, endpoints: { ${endpoints} } } }`;
  const { acme } = parseConfig(text, FILE, { A: 'secret-a', B: 'secret-b' }).clients;
  expect(acme?.endpoints.disposition_update).toMatchObject({
    headers: ['X-Tenant', 't-secret-a', 'X-All', 'z'],
    secretHeaders: ['t-secret-a', 'secret-a'],
  });
  expect(acme?.endpoints.inventory_receipt).toMatchObject({
    headers: ['x-tenant', 'secret-b', 'X-All', 'z', 'X-More', 'c'],
    secretHeaders: ['secret-b', 'secret-b'],
  });
});

test('an endpoint without headers has nothing of them', () => {
  const { acme } = parseConfig(withClient('headers: {}'), FILE, {}).clients;
  expect(Object.keys(acme?.endpoints.disposition_update ?? {})).not.toContain('headers');
});
