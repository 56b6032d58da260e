import { expect, test } from 'vitest';
import { Notifier } from '../../src/incidents/notifier.ts';
import { createLog } from '../../src/log.ts';
import { captureLogLines } from '../support/log-lines.ts';
import { OPENED } from './notices.ts';

test('a notice for a channel that is in no configuration is logged and forgotten', async () => {
  const lines = captureLogLines();
  const forgotten: string[] = [];
  const notifier = new Notifier({
    channels: new Map(),
    log: createLog({ level: 'debug', destination: lines.stream }),
    forget: async (client, field) => void forgotten.push(`${client} ${field}`),
  });
  notifier.add('acme', { field: 'f1', channel: 'slack:hooks.acme.example:0a1b2c3d', notice: OPENED });
  await notifier.idle();
  expect(forgotten).toEqual(['acme f1']);
  expect(lines.lines).toMatchObject([
    { level: 'error', msg: 'incident not told', reason: 'no service has this channel', client: 'acme' },
  ]);
});
