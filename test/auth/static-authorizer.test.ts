import { describe, expect, it } from 'vitest';
import { createStaticAuthorizer, type StaticAuthConfig } from '../../src/auth/static-authorizer.ts';

function headersOf(auth: StaticAuthConfig): readonly string[] {
  const result = createStaticAuthorizer(auth).authorize();
  if (!('headers' in result)) throw new Error('expected headers at once');
  return result.headers;
}

describe('createStaticAuthorizer', () => {
  it('writes the headers of each type', () => {
    expect(headersOf({ type: 'none' })).toEqual([]);
    expect(headersOf({ type: 'bearer', token: 'abc.def' })).toEqual(['Authorization', 'Bearer abc.def']);
    expect(headersOf({ type: 'api_key', header: 'X-Api-Key', key: 'k 1' })).toEqual(['X-Api-Key', 'k 1']);
    expect(headersOf({ type: 'basic', username: 'Aladdin', password: 'open sesame' })).toEqual([
      'Authorization',
      'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==',
    ]);
  });

  it('encodes Basic credentials in UTF-8, as RFC 7617 shows', () => {
    expect(headersOf({ type: 'basic', username: 'test', password: '123£' })[1]).toBe(
      'Basic dGVzdDoxMjPCow==',
    );
    expect(headersOf({ type: 'basic', username: '', password: 'a:b' })[1]).toBe('Basic OmE6Yg==');
  });

  it('hands out the same frozen array each time', () => {
    const authorizer = createStaticAuthorizer({ type: 'bearer', token: 'abc' });
    const first = authorizer.authorize();
    expect(authorizer.authorize()).toBe(first);
    expect('headers' in first && Object.isFrozen(first.headers)).toBe(true);
  });

  it('renews nothing', async () => {
    const authorizer = createStaticAuthorizer({ type: 'basic', username: 'u', password: 'secret' });
    expect(authorizer.renewable).toBe(false);
    expect(await authorizer.renew({ headers: [], version: 1 }, 'event-1')).toBeUndefined();
  });

  it.each<[StaticAuthConfig, string]>([
    [{ type: 'basic', username: 'a:secret', password: 'secret' }, 'auth.username'],
    [{ type: 'basic', username: 'a', password: 'secret\n' }, 'auth.password'],
    [{ type: 'bearer', token: 'Bearer secret' }, 'auth.token'],
    [{ type: 'bearer', token: 'secret\r\nx: y' }, 'auth.token'],
    [{ type: 'bearer', token: 'sécret' }, 'auth.token'],
    [{ type: 'api_key', header: 'x key', key: 'secret' }, 'auth.header'],
    [{ type: 'api_key', header: 'Idempotency-Key', key: 'secret' }, 'auth.header'],
    [{ type: 'api_key', header: 'x-key', key: 'secret\r\n' }, 'auth.key'],
    [{ type: 'api_key', header: 'x-key', key: ' secret' }, 'auth.key'],
  ])('refuses what no header can carry: %#', (auth, field) => {
    const create = () => createStaticAuthorizer(auth);
    expect(create).toThrow(expect.objectContaining({ code: 'AUTH_CONFIG_INVALID' }));
    expect(create).toThrow(new RegExp(`^${field} must be (?!.*s[eé]cret)`));
  });
});
