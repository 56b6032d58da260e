import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { EVENT_TYPES } from '../../src/core/event-types.ts';
import { runWaybill, startWaybill, testDirectory } from '../support/waybill-process.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

test('the demo accounts for every event, as one JSON object, and leaves nothing behind', async () => {
  const temporary = testDirectory();
  const { code, stdout } = await runWaybill(['demo', '--json'], { env: { TMPDIR: temporary } });
  expect(code).toBe(0);
  const { clients, total, lost } = JSON.parse(stdout);
  expect(lost).toBe(0);
  const accepted = 2_000 + 3 * EVENT_TYPES.length;
  expect(total).toMatchObject({ accepted, delivered: accepted, deadNow: 0, missing: 0 });
  expect(clients['new-token']).toMatchObject({ failedAttempts: 0, tokenRequests: 2 });
  const down = 200 + EVENT_TYPES.length;
  expect(clients.outage).toMatchObject({
    ...{ accepted: down, failedAttempts: 6 * down, died: down, replayed: down },
  });
  expect(readdirSync(temporary)).toEqual([]);
});

test('Ctrl-C ends the demo, and its Redis with it', async () => {
  const temporary = testDirectory();
  const demo = startWaybill(['demo'], { env: { TMPDIR: temporary } });
  await demo.waitForLine(({ unparsed }) => String(unparsed).includes('3. Delivery'));
  demo.signal('SIGINT');
  expect(await demo.exit).toEqual({ code: 130, signal: null });
  expect(readdirSync(temporary)).toEqual([]);
});

test('a demo whose reader has gone ends its Redis all the same', () => {
  const temporary = testDirectory();
  const env = { ...process.env, TMPDIR: temporary };
  execFileSync('sh', ['-c', `"${process.execPath}" "${MAIN}" demo | head -2`], { env });
  expect(readdirSync(temporary)).toEqual([]);
});
