import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createLog, prettyStream } from '../src/log.ts';
import { captureLogLines } from './support/log-lines.ts';

const SECRET = 'marked-secret';

/** As ioredis makes them: with the command that failed. */
function replyError(message: string): Error {
  const error = new Error(message);
  return Object.assign(error, { name: 'ReplyError', command: { name: 'auth', args: ['waybill', SECRET] } });
}

test('a line says of an error its name, code, message, stack and causes, and nothing else', () => {
  const { stream, lines } = captureLogLines();
  const log = createLog({ level: 'trace', destination: stream });
  const cause = replyError('WRONGPASS');
  const error = Object.assign(new Error('not connected', { cause }), { code: 'REDIS_AWAY', secret: SECRET });
  log.warn({ err: error }, 'queue could not be read');
  expect(lines[0]).toMatchObject({
    err: {
      type: 'Error',
      code: 'REDIS_AWAY',
      message: 'not connected',
      stack: expect.stringContaining('log.test.ts'),
      cause: { type: 'ReplyError', message: 'WRONGPASS', stack: expect.any(String) },
    },
  });
  expect(JSON.stringify(lines)).not.toContain(SECRET);
});

test('a line for people says no more', () => {
  const destination = new PassThrough();
  const log = createLog({ level: 'trace', destination: prettyStream(destination) });
  log.error({ err: replyError('WRONGPASS') }, 'batch failed');
  const text = String(destination.read());
  expect(text).toContain('WRONGPASS');
  expect(text).not.toContain(SECRET);
});

test('a chain of causes that goes round is told to its fifth', () => {
  const { stream, lines } = captureLogLines();
  const error = new Error('round');
  error.cause = error;
  createLog({ level: 'info', destination: stream }).info({ err: error }, 'round');
  expect(JSON.stringify(lines).match(/"message":"round"/g)).toHaveLength(6);
});
