import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { numberedEvents } from '../support/events.ts';
import { testRedis, testRedisPath, uniqueClientName } from '../support/redis.ts';
import { testDirectory } from '../support/waybill-process.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const TYPE = 'inventory_receipt';

/** Runs shell in which `waybill` is the built one. */
function runShell(shell: string, cwd: string) {
  const script = `waybill() { '${process.execPath}' '${MAIN}' "$@"; }\n${shell}`;
  return spawnSync('/bin/bash', ['-c', script], { cwd, encoding: 'utf8', timeout: 60_000 });
}

/** A directory with a configuration for a client of its own. */
function place() {
  const directory = testDirectory();
  const client = uniqueClientName();
  const endpoints = { [TYPE]: '/' };
  const config = {
    redis: { url: testRedisPath() },
    clients: { [client]: { baseUrl: 'http://a', endpoints } },
  };
  writeFileSync(join(directory, 'waybill.yaml'), stringify(config));
  return { directory, client };
}

test.each([[''], ['--json']])(
  'a disk without room for the output is told in a sentence, and the command fails %s',
  (flag) => {
    const { directory, client } = place();
    writeFileSync(join(directory, 'event.json'), JSON.stringify(numberedEvents(TYPE, 1)));
    const ran = runShell(`waybill send ${client} ${TYPE} event.json ${flag} > /dev/full`, directory);
    expect(ran.stderr).toMatch(/^waybill: the output cannot be written: ENOSPC.*\n/);
    expect(ran.stderr).not.toContain('    at ');
    expect(ran.status).toBe(1);
  },
);

test('a send whose reader has gone says how far it came, and does not exit as done', async () => {
  const { directory, client } = place();
  // Far more than is submitted in one go, with lines that the output tells of among the first.
  const bad = Array.from({ length: 1_000 }, () => '{}\n').join('');
  const good = numberedEvents(TYPE, 30_000).map((event) => `${JSON.stringify(event)}\n`);
  writeFileSync(join(directory, 'events.ndjson'), `${bad}${good.join('')}`);
  const ran = runShell(
    `waybill send ${client} ${TYPE} events.ndjson --json | true; exit "\${PIPESTATUS[0]}"`,
    directory,
  );
  const [, line = ''] =
    /^waybill: sending ended early: its output cannot be written any more; nothing after line ([\d,]+) was sent\n/.exec(
      ran.stderr,
    ) ?? [];
  expect(ran.status, ran.stderr).toBe(1);
  const accepted = await testRedis().hget(`{wb:${client}}:stats`, `accepted:${TYPE}`);
  expect(Number(accepted ?? 0)).toBe(Number(line.replaceAll(',', '')) - 1_000);
});
