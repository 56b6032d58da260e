import { expect, test } from 'vitest';
import { TLS_WORDS } from '../../src/core/tls-cause.ts';
import { certificates } from './certificates.ts';
import { client, MESSAGE, serve } from './http-fixture.ts';
import { respond } from './scripted-server.ts';

const END = new Date('2026-03-01T12:00:00Z');
const EXPIRED = await certificates(['localhost'], END);
/** A time at which the certificate was valid. */
const BEFORE = new Date(END.getTime() - 3_600_000).toUTCString();

test('a certificate that is valid by the clocks of other servers: this machine’s clock is off', async () => {
  const server = await serve((received) => respond(received, 200), EXPIRED.server);
  const failure = async (): Promise<string> => {
    const url = `https://localhost:${server.port}/`;
    const result = await client({ tls: { ca: EXPIRED.ca } }).post({ ...MESSAGE, url });
    return result.kind === 'no_answer' ? result.detail : result.kind;
  };
  // Five servers are remembered, also those of other tests in this process.
  const hear = async (date: string, servers = 5): Promise<void> => {
    for (let n = 0; n < servers; n += 1) {
      const other = await serve((received) => respond(received, 200, '', [`Date: ${date}`]));
      for (let m = 0; m < 2; m += 1) await client().post({ ...MESSAGE, url: other.url });
    }
  };
  expect(await failure()).toContain(`${TLS_WORDS.expired} on 2026-03-01 (`);
  await hear('no date');
  // One server's own clock may be off.
  await hear(BEFORE, 1);
  expect(await failure()).toContain(TLS_WORDS.expired);
  await hear(BEFORE);
  expect(await failure()).toContain(`${TLS_WORDS.clock_off} (CERT_HAS_EXPIRED)`);
  // One server says otherwise.
  await hear(new Date().toUTCString(), 1);
  expect(await failure()).toContain(TLS_WORDS.expired);
  // Theirs is another time, at which the certificate had expired, too.
  await hear(new Date(END.getTime() + 86_400_000).toUTCString());
  expect(await failure()).toContain(TLS_WORDS.expired);
  await hear(new Date().toUTCString());
});
