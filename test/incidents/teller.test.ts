import { expect, test } from 'vitest';
import { createTeller } from '../../src/incidents/teller.ts';
import { createLog } from '../../src/log.ts';
import { captureLogLines } from '../support/log-lines.ts';
import { OPENED } from './notices.ts';

test('a notice for a channel that is in no configuration any more is named in the log, and forgotten', async () => {
  const lines = captureLogLines();
  const forgotten: string[] = [];
  const teller = createTeller({
    channels: new Map(),
    log: createLog({ level: 'debug', destination: lines.stream }),
    forget: async (client, field) => void forgotten.push(`${client} ${field}`),
  });
  teller.take('acme', { field: 'f1', channel: 'slack:hooks.acme.example:0a1b2c3d', notice: OPENED });
  await teller.idle();
  expect(forgotten).toEqual(['acme f1']);
  expect(lines.lines).toMatchObject([
    { level: 'error', msg: 'incident not told', reason: 'no service has this channel', client: 'acme' },
  ]);
});
