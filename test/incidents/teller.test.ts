import { expect, test } from 'vitest';
import type { IncidentNotice } from '../../src/core/incident.ts';
import { createTeller } from '../../src/incidents/teller.ts';
import { createLog } from '../../src/log.ts';
import { captureLogLines } from '../support/log-lines.ts';

const NOTICE: IncidentNotice = {
  id: 'acme.disposition_update.5000.opened.1',
  kind: 'opened',
  at: 6_000,
  incident: {
    client: 'acme',
    type: 'disposition_update',
    openedAt: 5_000,
    failingSince: 1_000,
    lastAt: 5_500,
    count: 1,
    left: 1,
    failures: [{ class: 'timeout', status: 0, count: 1 }],
  },
};

test('a notice for a channel that is in no configuration any more is named in the log, and forgotten', async () => {
  const lines = captureLogLines();
  const forgotten: string[] = [];
  const teller = createTeller({
    channels: new Map(),
    log: createLog({ level: 'debug', destination: lines.stream }),
    forget: async (client, field) => void forgotten.push(`${client} ${field}`),
  });
  teller.take('acme', { field: 'f1', channel: 'slack:hooks.acme.example:0a1b2c3d', notice: NOTICE });
  await teller.idle();
  expect(forgotten).toEqual(['acme f1']);
  expect(lines.lines).toMatchObject([
    { level: 'error', msg: 'incident not told', reason: 'no service has this channel', client: 'acme' },
  ]);
});
