import { expect, test } from 'vitest';
import { judgeReadiness } from '../../src/observability/readiness.ts';
import type { EndpointView } from '../../src/queue/client-view.ts';
import { viewWith } from '../cli/watch/client-views.ts';

test('events that wait for the proxy are told, and what else is late makes the service unready', () => {
  const waits = { withheld: { for: 'proxy' } } as EndpointView;
  const oldest = (oldestMs: number) => {
    const views = new Map([['acme', viewWith({ oldestMs, endpoints: { inventory_receipt: waits } })]]);
    return judgeReadiness({
      reading: { ok: true, views, unread: [] } as never,
      workers: { alive: 1, wanted: 1 },
      untaken: new Set(),
      oldestWaitingMs: 60_000,
    });
  };
  const told = 'of 60000 ms at most; events wait for the proxy: "acme"';
  expect(oldest(2_000)).toMatchObject({
    ready: true,
    checks: { oldestWaiting: { detail: `an event of client "acme" has waited for 2000 ms, ${told}` } },
  });
  expect(oldest(61_000)).toMatchObject({ ready: false, checks: { oldestWaiting: { ok: false } } });
});
