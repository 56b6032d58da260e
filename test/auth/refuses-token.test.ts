import { expect, test } from 'vitest';
import { refusesToken } from '../../src/auth/authorizer.ts';

const refuses = (status: number, wwwAuthenticate?: string, renewOn: readonly number[] = []) =>
  refusesToken(
    { kind: 'answer', status, body: '', ...(wwwAuthenticate !== undefined && { wwwAuthenticate }) },
    renewOn,
  );

test('401 asks for a new token, whatever its challenge says', () => {
  expect(refuses(401)).toBe(true);
  expect(refuses(401, 'Bearer error="insufficient_scope"')).toBe(true);
});

test.each([400, 403, 407])('%d asks for a new token only if its challenge says invalid_token', (status) => {
  expect(refuses(status)).toBe(false);
  expect(refuses(status, 'Bearer realm="x", error="invalid_token", error_description="expired"')).toBe(true);
  expect(refuses(status, 'Basic realm="x", Bearer error=invalid_token')).toBe(true);
  expect(refuses(status, 'BEARER ERROR = "invalid_token"')).toBe(true);
  expect(refuses(status, 'Bearer error="insufficient_scope"')).toBe(false);
  expect(refuses(status, 'Bearer error_description="error=invalid_tokens"')).toBe(false);
  expect(refuses(status, 'Bearer error="invalid_request"')).toBe(false);
});

test.each([200, 302, 404, 422, 500, 503])(
  '%d says nothing of the token, not even with a challenge',
  (status) => {
    expect(refuses(status, 'Bearer error="invalid_token"')).toBe(false);
  },
);

test('statuses of renewOn ask for a new token, beside 401', () => {
  for (const status of [302, 403, 419, 500])
    expect(refuses(status, undefined, [302, 403, 419, 500])).toBe(true);
  expect(refuses(401, undefined, [403])).toBe(true);
  expect(refuses(404, undefined, [403])).toBe(false);
});
