import { expect, test } from 'vitest';
import type { AuthorizeResult } from '../../src/auth/authorizer.ts';
import { CallOff } from '../../src/core/call-off.ts';
import { measuredAttempts } from '../../src/loadtest/senders/direct-sender.ts';
import { storedEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { AWS_KEY, awsSignatureOf, isSignedBy, webhookSecret } from '../support/signatures.ts';
import { measured } from './measured-company.ts';

failOnLeaks();

const GRANTED = { headers: [], version: 1 } as const;
const NO_TOKEN = { failure: 'token service answered 503', blame: 'service', retryInMs: 5_000 } as const;

test.each([
  ['without a token', NO_TOKEN, 'token', 'token service answered 503'],
  ['while this machine is short of sockets', GRANTED, 'local', 'no connection'],
] as const)('an event that is not sent %s is measured as failed, and not waited for', async (...row) => {
  const [, authorized, failureClass, response] = row;
  const attempt = measuredAttempts(
    {
      post: async () => ({ kind: 'shortage', code: 'EMFILE', detail: 'no connection' }),
      authorizer: {
        renewable: true,
        authorize: (): AuthorizeResult => authorized,
        renew: async () => undefined,
        reportRefused: () => {},
        reportAccepted: () => {},
      },
      renewOn: [],
      timeoutMs: 1_000,
      userAgent: 'waybill/test',
      now: () => 0,
      monotonicNow: () => 0,
    },
    'a-run',
  );
  expect(await attempt(storedEvent(1), 'https://returns.acme.example/d', new CallOff())).toMatchObject({
    classification: { kind: 'failed', failureClass, status: 0, response },
  });
});

test('what a load test sends is signed as the engine signs it', async () => {
  const secret = webhookSecret(1);
  const { company, effects } = await measured({}, { auth: AWS_KEY, signing: { secrets: [secret] } });
  for (let n = 0; n < 3; n += 1) {
    expect(await effects.send(effects.nextEvent())).toMatchObject({ classification: { kind: 'delivered' } });
  }
  expect(company.requests).toHaveLength(3);
  for (const request of company.requests) {
    expect(isSignedBy(secret, request)).toBe(true);
    expect(request.headers.authorization).toBe(await awsSignatureOf(AWS_KEY, request));
  }
});
