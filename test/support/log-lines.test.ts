import { pino } from 'pino';
import { expect, test } from 'vitest';
import { captureLogLines } from './log-lines.ts';

test('lines of a real logger are found, written before or after the wait began', async () => {
  const log = captureLogLines();
  const logger = pino(log.stream);
  logger.info({ client: 'acme' }, 'attempt');
  const later = log.waitForLine((line) => line.client === 'outlet');
  logger.info({ client: 'outlet' }, 'attempt');
  expect(await log.waitForLine('attempt')).toMatchObject({ client: 'acme' });
  expect(await later).toMatchObject({ client: 'outlet', msg: 'attempt' });
  expect(log.matching('attempt')).toHaveLength(2);
});

test('lines are joined from their chunks, and lines that are not JSON are kept', async () => {
  const log = captureLogLines();
  log.stream.write('{"msg":"o');
  log.stream.write('ne"}\nplain words\n{"msg":"t');
  expect(log.lines).toEqual([{ msg: 'one' }, { unparsed: 'plain words' }]);
});

test('a wait that times out reports the last lines', async () => {
  const log = captureLogLines('stdout');
  log.stream.write('{"msg":"other"}\n');
  await expect(log.waitForLine('ready', { timeoutMs: 5 })).rejects.toThrow(
    'waited 5 ms for "ready" in stdout; it has 1 lines, at the end:\n  {"msg":"other"}',
  );
});
