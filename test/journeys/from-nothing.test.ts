import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runWaybill, startWaybill, testDirectory } from '../support/waybill-process.ts';

test('who has nothing sees a delivery: init --sandbox, sandbox, start, send --sample', async () => {
  const directory = testDirectory();
  await runWaybill(['init', '--sandbox'], { directory });
  const sandbox = startWaybill(['sandbox', '--port', '0', '--show', 'bodies'], { directory });
  await sandbox.waitForLine(({ unparsed }) => String(unparsed).startsWith('Ctrl-C ends it'));
  // Others may use the usual port of this machine.
  const [, port] = /Listening at \S+:(\d+)\./.exec(sandbox.stdout) ?? [];
  const file = join(directory, 'waybill.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace(':4080', `:${port}`));

  const service = startWaybill(['start', '--workers', '1'], { directory });
  await service.waitForLine(({ msg }) => msg === 'delivering');
  const flags = ['--sample', '--count', '2'];
  const sent = await runWaybill(['send', 'sandbox', 'disposition_update', ...flags], { directory });
  expect(sent).toMatchObject({ code: 0, stdout: expect.stringContaining('2 accepted, 0 refused') });
  await expect.poll(() => sandbox.stdout.match(/ 200 {2}disposition_update {2}/g)?.length).toBe(2);
  expect(sandbox.stdout).toContain('\n    "optiturn_lp": "LPAA1234567",\n');

  service.signal('SIGTERM');
  expect((await service.exit).code).toBe(0);
  sandbox.signal('SIGINT');
  expect((await sandbox.exit).code).toBe(0);
});
