import { request } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { generateKey } from '../../src/api/keys.ts';
import { parseConfig } from '../../src/config/load-config.ts';
import { createLog } from '../../src/log.ts';
import { startApi } from '../../src/service/api-server.ts';
import { sampleEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { captureLogLines } from '../support/log-lines.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { UNSENT } from './api-fixture.ts';

failOnLeaks();

test('an event that no replica has is 504, and stands in unknown by its id', async () => {
  const { socketPath: url } = await startOwnRedis();
  const { key, sha256 } = generateKey();
  const settings = {
    redis: { url, acknowledgedBy: 1 },
    http: { port: 0, keys: [{ name: 'orders', sha256, scopes: ['submit'] }] },
    clients: { acme: UNSENT },
  };
  const config = parseConfig(JSON.stringify(settings), '/srv/waybill.yaml', {});
  const api = await startApi(
    config,
    { url },
    createLog({ level: 'info', destination: captureLogLines().stream }),
  );
  onTestFinished(() => api?.close(0));
  const answer = await request(`${api?.address}/v1/clients/acme/events/disposition_update`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'idempotency-key': 'k1' },
    body: JSON.stringify(sampleEvent('disposition_update')),
    reset: true,
  });
  expect(answer.statusCode).toBe(504);
  expect(await answer.body.json()).toMatchObject({
    code: 'REDIS_NOT_REPLICATED',
    accepted: [],
    refused: [],
    unknown: [{ index: 0, id: expect.stringMatching(/^[0-9a-f-]{36}$/) }],
  });
});
