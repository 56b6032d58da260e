import { createRequire } from 'node:module';
import { errors } from 'undici';
import { describe, expect, test } from 'vitest';
import { explainError, isClosedByPeer } from '../../src/http/describe-failure.ts';

const require = createRequire(import.meta.url);

/** What src/http knows of undici's inside was read in this version; with another, read it again. */
const PINNED = '7.30.2';

function coded(code: string): Error {
  return Object.assign(new Error('something'), { code });
}

describe('undici', () => {
  test(`is pinned to ${PINNED}`, () => {
    const { dependencies } = require('../../package.json');
    expect(dependencies.undici).toBe(PINNED);
    expect(require('undici/package.json').version).toBe(PINNED);
  });

  test('still closes the connection on 100 Continue, in the line that pass-continue.ts names', async () => {
    const { readFile } = await import('node:fs/promises');
    const source = await readFile(require.resolve('undici/lib/dispatcher/client-h1.js'), 'utf8');
    expect(source.split('\n')[601]).toContain('if (statusCode === 100)');
    const workaround = await readFile(new URL('../../src/http/pass-continue.ts', import.meta.url), 'utf8');
    expect(workaround).toContain(`undici ${PINNED}, lib/dispatcher/client-h1.js, line 602`);
  });
});

describe(`the errors of undici ${PINNED}`, () => {
  test.each([
    ['UND_ERR_HEADERS_OVERFLOW', new errors.HeadersOverflowError(), 'headers beyond 64 KiB'],
    [
      'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
      new errors.ResponseContentLengthMismatchError(),
      'headers that cannot be read',
    ],
    ['bad response', new errors.SocketError('bad response'), 'an interim answer that is none'],
    ['bad upgrade', new errors.SocketError('bad upgrade'), 'another protocol, which nobody asked for'],
    [
      "the parser's",
      new errors.HTTPParserError('Response does not match the HTTP/1.1 protocol (Invalid header token)'),
      'a header without a colon, or with a character that no name has',
    ],
    ["the parser's, without a reason", new errors.HTTPParserError('broken'), 'no answer'],
  ])('%s: not HTTP, and the reason in words', (_name, error, words) => {
    expect(explainError(error)).toMatchObject({ failureClass: 'not_http', words });
    expect(isClosedByPeer(error)).toBe(false);
  });

  test.each(['other side closed', 'closed'])('UND_ERR_SOCKET, %s: the other side closed', (message) => {
    const error = new errors.SocketError(message);
    expect(explainError(error)).toEqual({ failureClass: 'reset' });
    expect(isClosedByPeer(error)).toBe(true);
  });

  test.each([
    ['ECONNRESET', 'reset', true],
    ['EPIPE', 'reset', true],
    ['ECONNREFUSED', 'refused', false],
    ['ETIMEDOUT', 'timeout', false],
    ['EPROTO', 'tls', false],
    ['ENOTFOUND', 'dns', false],
    ['UND_ERR_DESTROYED', 'reset', false],
  ])("%s is Node's: %s", (code, failureClass, closed) => {
    expect(explainError(coded(code))).toEqual({ failureClass, code });
    expect(isClosedByPeer(coded(code))).toBe(closed);
  });
});
