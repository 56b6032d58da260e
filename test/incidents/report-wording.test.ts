import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import type { FailureClass } from '../../src/core/attempt-result.ts';
import type { StoredEvent } from '../../src/core/event.ts';
import { TLS_WORDS, type TlsCause } from '../../src/core/tls-cause.ts';
import { buildReport, type ReportParts } from '../../src/incidents/build-report.ts';
import { collectFailures } from '../../src/incidents/collect-failures.ts';
import { reportHtml } from '../../src/incidents/report-html.ts';
import { reportMarkdown } from '../../src/incidents/report-markdown.ts';

const T0 = Date.UTC(2026, 2, 1, 12);
const iso = (ms: number): string => new Date(ms).toISOString();

/** A dead letter with one attempt, that ended so many seconds after `T0`. */
function deadLetter(failureClass: FailureClass, status: number, seconds: number): StoredEvent {
  const unit = `LP${seconds}`;
  const body = JSON.stringify({ optiturn_lp: unit });
  return {
    id: `event-${seconds}`,
    type: 'disposition_update',
    unit,
    body,
    history: [[T0 + 1_000 * seconds, status, failureClass, 5]],
    response: 'what came back',
  };
}

interface About {
  readonly path?: string;
  readonly auth?: object;
  readonly more?: Partial<ReportParts>;
}

async function reportOf(events: readonly StoredEvent[], { path = '/d', auth, more }: About = {}) {
  const acme = {
    baseUrl: 'https://returns.acme.example',
    endpoints: { disposition_update: path },
    ...(auth === undefined ? {} : { auth }),
  };
  const client = parseConfig(JSON.stringify({ clients: { acme } }), '/etc/waybill.yaml', {}).clients['acme'];
  if (client === undefined) throw new Error('no client');
  async function* pages() {
    yield events;
  }
  const collected = await collectFailures(pages(), () => true);
  const parts = { client, collected, outages: [], keepDays: undefined, waiting: 0, since: undefined };
  return buildReport({ ...parts, now: T0 + 3_600_000, ...more });
}

test('a report without dead letters does not say that all is delivered while events are being tried', async () => {
  const told = async (waiting: number) => {
    const markdown = reportMarkdown(await reportOf([], { more: { waiting } }));
    return markdown.trimEnd().split('\n').at(-1);
  };
  const nothing = 'There is nothing to report: there are no such dead letters.';
  expect(await told(0)).toBe(nothing);
  expect(await told(1)).toBe(`${nothing} 1 event for you waits or is being tried again.`);
  expect(await told(1_200)).toBe(`${nothing} 1,200 events for you wait or are being tried again.`);
});

test('how often an event may have arrived again is said once, where it may have', async () => {
  const again = async (repeats: ReportParts['repeats'] = {}, events: readonly StoredEvent[] = []) => {
    const markdown = reportMarkdown(await reportOf(events, { more: { repeats } }));
    return markdown.match(/So far, [^.]*\./g)?.join(' ');
  };
  expect(await again()).toBeUndefined();
  expect(await again({ resent: 1 })).toBe('So far, an event may have reached you again once at most.');
  expect(await again({ taken_over: 1_200, called_off: 34 }, [deadLetter('server_error', 503, 1)])).toBe(
    'So far, an event may have reached you again 1,234 times at most.',
  );
});

test('an endpoint fails since its incident says so, also where a replay failed meanwhile', async () => {
  const type = 'disposition_update';
  const [failingSince, openedAt] = [T0 - 7_200_000, T0 - 3_600_000];
  const counts = { lastAt: T0, count: 2, diedAgain: 0, left: 1, failures: [], waiting: 0 };
  const endpoint = { cause: 'died', state: 'open', stateSince: 0, downFrom: 0 } as const;
  const incident = { client: 'acme', type, openedAt, failingSince, ...counts, ...endpoint };
  const replayed = { ...deadLetter('server_error', 503, 1), life: 1 };
  expect((await reportOf([replayed])).endpoints).toMatchObject([{ failingSince: iso(T0 + 1_000) }]);
  expect(
    (await reportOf([replayed], { more: { outages: [{ incident, course: [], examples: [] }] } })).endpoints,
  ).toMatchObject([
    { failingSince: iso(failingSince), incidentOpenedAt: iso(openedAt), firstDiedAt: iso(T0 + 1_000) },
  ]);
});

test('what became too old is told as not sent, and asks nothing of the client', async () => {
  const type = 'disposition_update';
  const unsent = { id: 'event-1', type, unit: 'LP1', body: '{}', expiredAt: T0 };
  const retried = { ...deadLetter('server_error', 503, 2), expiredAt: T0 + 5_000 };
  const report = await reportOf([{ ...unsent, response: 'too old' }, retried]);
  expect(report.endpoints[0]?.failures).toMatchObject([{ class: 'expired', status: null, events: 2 }]);
  const markdown = reportMarkdown(report);
  expect(markdown).toContain('after 0 attempts, at 2026-03-01 12:00:00Z: it was not sent');
  expect(markdown).toContain('after 1 attempt, at 2026-03-01 12:00:05Z: it was not sent');
  expect(markdown).toContain('\n1. Nothing about the events of class expired: they waited here');
  expect(markdown).toContain('Those above had all of their attempts or became too old, and are not sent');
});

test('what is asked names the URL as it is, but for its secrets, in Markdown and in a browser', async () => {
  const path = '/~hooks_/d?api_key=topsecretkey&v=1';
  const url = 'https://returns.acme.example/~hooks_/d?api_key=***&v=1';
  const report = await reportOf([deadLetter('client_error', 404, 1)], { path });
  const markdown = reportMarkdown(report);
  expect(markdown).toContain(`\n1. Check that \`${url}\` is still the right URL`);
  const html = reportHtml(report);
  const asked = `Check that <code>${url.replace('&', '&amp;')}</code> is still the right URL`;
  expect(html).toContain(asked);
});

test('what was never sent is not called sent, and no new token is claimed where none was to be had', async () => {
  const auth = {
    type: 'oauth2',
    tokenUrl: 'https://auth.acme.example/token',
    clientId: 'waybill',
    clientSecret: 'a-secret',
    style: 'json',
  };
  const kinds = [
    ['token', 0],
    ['timeout', 0],
    ['unauthorized', 401],
    ['crash', 0],
  ] as const;
  const events = kinds.map(([failureClass, status], i) => deadLetter(failureClass, status, i));
  const markdown = reportMarkdown(await reportOf(events, { auth, more: { keepDays: 1 } }));
  const lines = markdown.split('\n').filter((line) => line.startsWith('Event `'));
  expect(lines.map((line) => [/LP\d/.exec(line)?.[0], line.replace(/.*Z: /, '')]).sort()).toEqual([
    ['LP0', 'it could not be sent'],
    ['LP1', 'no answer'],
    ['LP2', 'this answer'],
    ['LP3', 'no answer'],
  ]);
  expect(markdown).not.toContain('had sent');
  expect(markdown).toContain(
    '4 events for one of your endpoints could not be delivered, and wait here until',
  );
  expect(markdown).toContain('either none was to be had, or the new one was refused, too.');
  expect(markdown).toContain('. Nothing about the events of class crash: that fault is ours to mend.');
  expect(markdown).toContain('kept for 1 day: the first one is removed at 2026-03-02 12:00:00Z');
});

const AT = 'proxy proxy.internal:3128';
const NOT_REACHED = (host: string): string =>
  `Check whether ${host} takes connections from outside: our own proxy does not reach it. We look at our proxy, too.`;

test.each([0, 403, 404, 407])('status %i of our proxy: nothing is asked of the client', async (status) => {
  const report = await reportOf([deadLetter('proxy', status, 1)]);
  const [endpoint] = report.endpoints;
  expect(endpoint?.failures[0]?.words).toBe('our own proxy did not connect us');
  const which = `class proxy${status === 0 ? '' : `, status ${status}`}`;
  expect(endpoint?.asks).toEqual([
    `Nothing about the events of ${which}: our own proxy did not connect us to you, and that is ours to mend.`,
  ]);
  expect(reportMarkdown(report)).toContain('it could not be sent');
});

test.each([500, 502, 503, 504])('status %i of our proxy: both sides look', async (status) => {
  const report = await reportOf([deadLetter('proxy', status, 1)]);
  const [endpoint] = report.endpoints;
  expect(endpoint?.failures[0]?.words).toBe('our own proxy did not reach your server');
  expect(endpoint?.asks).toEqual([NOT_REACHED('returns.acme.example')]);
  expect(reportMarkdown(report)).toContain('it could not be sent');
});

const OURS = 'Nothing where our own proxy kept us from your token service: that is ours to mend.';
const SERVICE = 'token service https://auth.acme.example/token';
const SILENT = `${AT} did not answer CONNECT 203.0.113.5:443`;
const NO_TLS = `no TLS connection to returns.acme.example:443 through ${AT}`;

test.each([
  [
    'timeout',
    `${SILENT} within 15000 ms: the proxy hangs, or cannot reach it`,
    NOT_REACHED('returns.acme.example'),
  ],
  [
    'timeout',
    `no answer from returns.acme.example:443 through ${AT} within 9 ms`,
    expect.stringMatching(/^Find out why returns\.acme\.example takes longer/),
  ],
  [
    'reset',
    `returns.acme.example:443 through ${AT} closed the connection during the TLS handshake (ECONNRESET)`,
    expect.stringMatching(/^Check that your server runs/),
  ],
  ['token', `${SERVICE} was not asked: ${AT} answered 407 to CONNECT 203.0.113.5:443: check its user`, OURS],
  ['token', `${SERVICE} was not asked: no connection to ${AT} (ECONNREFUSED) (3 tries)`, OURS],
  ['token', `${SERVICE} was not asked: no TLS connection to ${AT}: ${TLS_WORDS.expired} (CODE)`, OURS],
  [
    'token',
    `${SERVICE} was not asked: ${AT} answered 503 to CONNECT 203.0.113.5:443`,
    NOT_REACHED('your token service'),
  ],
  ['token', `${SERVICE} did not answer within 9 ms: ${SILENT}`, NOT_REACHED('your token service')],
  [
    'token',
    `${SERVICE} answered 400: ${AT} answered 503, ${TLS_WORDS.expired}`,
    'Check that your token service is reachable and takes our credentials.',
  ],
  [
    'token',
    `${SERVICE} did not answer: no TLS connection to auth:443 through ${AT}: ${TLS_WORDS.expired} (CODE)`,
    'Renew the certificate of your token service.',
  ],
  ['tls', `${NO_TLS}: ${TLS_WORDS.expired} (CODE)`, 'Renew the certificate of returns.acme.example.'],
  ...(['self_signed', 'unknown_issuer', 'untrusted'] as const).map(
    (cause) =>
      [
        'tls',
        `${NO_TLS}: ${TLS_WORDS[cause]}: "proxy authority" (CODE)`,
        'Nothing yet about the certificate of returns.acme.example: our own proxy may show one of its own in its place, and that is ours to check first.',
      ] as const,
  ),
] as const)('through a proxy, class %s, "%s": what is asked', async (failureClass, response, ask) => {
  const { endpoints } = await reportOf([{ ...deadLetter(failureClass, 0, 1), response }]);
  expect(endpoints[0]?.asks).toEqual([ask]);
});

test.each([
  ['server_error', 502, /^Look into the logs of your server/],
  ['client_error', 422, /^Tell us what is wrong/],
] as const)(
  'words on TLS or on a proxy in an answer, class %s, are no failure of ours',
  async (failureClass, status, ask) => {
    for (const response of [`bad gateway: upstream says ${TLS_WORDS.expired}`, `${SILENT} within 9 ms`]) {
      const { endpoints } = await reportOf([{ ...deadLetter(failureClass, status, 1), response }]);
      expect(endpoints[0]?.asks).toEqual([expect.stringMatching(ask)]);
    }
  },
);

test('what became too old is not asked about for the words of its last answer', async () => {
  const event = { ...deadLetter('server_error', 503, 1), expiredAt: T0, response: TLS_WORDS.expired };
  expect((await reportOf([event])).endpoints[0]?.asks).toEqual([
    expect.stringMatching(/^Nothing about the events of class expired/),
  ]);
});

/** What is the client's, by the cause; the server's certificate is named only if something is wrong with it. */
const TLS_ASKS: readonly (readonly [TlsCause, RegExp])[] = [
  ['certificate_wanted', /^A client certificate of ours is asked for by returns\.acme\.example\./],
  ['certificate_refused', /^Our client certificate is not accepted by returns\.acme\.example\. Tell us/],
  ['certificate_expired', /^Nothing about our client certificate/],
  [
    'certificate_doubted',
    /^Check in the logs of returns\.acme\.example whether it accepts our client certificate/,
  ],
  ['http2_only', /^Let returns\.acme\.example speak HTTP\/1\.1/],
  ['old_protocol', /^Let returns\.acme\.example speak TLS 1\.2 or TLS 1\.3/],
  ['nothing_shared', /cipher suite/],
  ['plain_text', /^Tell us the right URL/],
  ['tls_expected', /^Tell us whether our URL .* has to begin with https:/],
  ['self_signed', /publicly trusted/],
  ['incomplete_chain', /send its intermediate certificates/],
  ['unknown_issuer', /publicly trusted/],
  ['untrusted', /publicly trusted/],
  ['wrong_name', /certificate that is for this name/],
  ['expired', /^Renew the certificate/],
  ['clock_off', /^Nothing about the certificate of returns\.acme\.example: our own clock/],
  ['not_yet_valid', /^Tell us from when on/],
];

test.each(TLS_ASKS)('after %s the report asks for what is the client’s, and no more', async (cause, ask) => {
  const response = `no TLS connection to returns.acme.example:443: ${TLS_WORDS[cause]} (CODE)`;
  const { endpoints } = await reportOf([{ ...deadLetter('tls', 0, 1), response }]);
  expect(endpoints[0]?.asks).toEqual([expect.stringMatching(ask)]);
  expect(endpoints[0]?.asks[0]).not.toMatch(/^Check the certificate/);
});

test('each cause of a class is asked for, once', async () => {
  const failed = (words: string, at: number) => ({
    ...deadLetter('tls', 0, at),
    response: `no TLS connection to returns.acme.example:443: ${words} (CODE)`,
  });
  const { endpoints } = await reportOf([
    failed(TLS_WORDS.expired, 1),
    failed(`${TLS_WORDS.expired} on 2026-03-01`, 2),
    failed(TLS_WORDS.certificate_wanted, 3),
  ]);
  expect(endpoints[0]?.asks).toEqual([
    expect.stringMatching(/^A client certificate of ours/),
    'Renew the certificate of returns.acme.example.',
  ]);
});

test.each([
  ['tls', 0, 'no TLS connection to returns.acme.example:443 (EPROTO)', /^Check what TLS at/],
  [
    'client_error',
    400,
    '<center>No required SSL certificate was sent</center>',
    /^A client certificate of ours/,
  ],
  [
    'client_error',
    400,
    'The plain HTTP request was sent to HTTPS port',
    /^Tell us whether our URL of returns/,
  ],
  ['not_http', 0, `not in HTTP/1.1: ${TLS_WORDS.tls_expected} (CODE)`, /^Tell us whether our URL of returns/],
  [
    'token',
    0,
    `token service: ${TLS_WORDS.certificate_wanted} (CODE)`,
    /is asked for by your token service\./,
  ],
  ['timeout', 0, 'no connection to acme:443 within 9 ms', /^Check that connections to returns/],
  ['timeout', 0, 'no end of the TLS handshake with acme:443 within 9 ms', /^Find out why TLS with returns/],
  ['timeout', 0, 'no answer from acme:443 within 9 ms', /^Find out why returns\.acme\.example takes longer/],
] as const)('class %s, status %i, "%s": what is asked', async (failureClass, status, response, ask) => {
  const { endpoints } = await reportOf([{ ...deadLetter(failureClass, status, 1), response }]);
  expect(endpoints[0]?.asks).toEqual([expect.stringMatching(ask)]);
});

test('what was sent and servers stumble over is named, with the number of events', async () => {
  const holding = (sku: string, at: number) => ({
    ...deadLetter('server_error', 500, at),
    body: JSON.stringify({ optiturn_lp: `LP${at}`, sku }),
  });
  const report = await reportOf([holding('\0', 1), holding('a\0', 2), holding('\ud800', 3), holding('a', 4)]);
  const told = reportMarkdown(report);
  expect(told).toContain('What was sent holds a NUL character in $.sku (2 events). Some servers');
  expect(told).toContain('What was sent holds half of a character (a lone surrogate) in $.sku (1 event).');
});

test('a private address that stands in our own settings is ours', async () => {
  const { endpoints } = await reportOf([deadLetter('address', 0, 1)], { path: 'https://10.0.0.1/d' });
  expect(endpoints[0]?.asks).toEqual([expect.stringMatching(/^Nothing about 10\.0\.0\.1: that address/)]);
});

test('what is asked quotes no personal data of the event, and asks once', async () => {
  const response = 'redirects to https://acme.example/operator-7/new';
  const redirected = (at: number) => ({
    ...deadLetter('redirect', 302, at),
    body: JSON.stringify({ optiturn_lp: `LP${at}`, user_login: 'operator-7' }),
    response,
  });
  const { endpoints } = await reportOf([redirected(1), redirected(2)]);
  expect(endpoints[0]?.asks).toEqual([expect.stringContaining('https://acme.example/***/new')]);
});

test.each([
  [403, '{"message":"Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z"}'],
  [400, '{"error":"Message timestamp too old"}'],
])(
  'a %i that objects to the time of a signature asks nothing before we have looked at our clock',
  async (status, response) => {
    const { endpoints } = await reportOf([{ ...deadLetter('client_error', status, 1), response }]);
    expect(endpoints[0]?.asks).toEqual([expect.stringMatching(/^Nothing yet about the time/)]);
  },
);
