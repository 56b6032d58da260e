import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { findEventType } from '../../src/core/event-types.ts';
import { incidentId } from '../../src/core/incident.ts';
import { OPEN_VERDICT } from '../../src/core/pace.ts';
import { IncidentMonitor } from '../../src/incidents/incident-monitor.ts';
import { createLog } from '../../src/log.ts';
import { readClosedIncidents } from '../../src/queue/incident-store.ts';
import { statsKey } from '../../src/queue/names.ts';
import { writeVerdict } from '../../src/queue/pace-store.ts';
import { type Script, unitOf, validationFailure422 } from '../../src/sandbox/scripts.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { dispositionsOf, numberedEvents, sampleEvent } from '../support/events.ts';
import { captureLogLines } from '../support/log-lines.ts';
import { testRedis, testRedisPath } from '../support/redis.ts';
import { hang } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { runWaybill, testDirectory } from '../support/waybill-process.ts';

const HOSTILE =
  '</code></pre><script>alert(1)</script>\n```\n# Pay here\n[us](javascript:alert(1))\n| a | b |';

/** LP1 to LP3 are invalid, LP4 breaks the server, LP5 is not answered. */
const outage: Script = (request) => {
  const { user_login: login } = JSON.parse(request.body);
  switch (unitOf(request)) {
    case 'LP4':
      return { status: 500, body: HOSTILE };
    case 'LP5':
      return hang;
    case 'LP3':
      return validationFailure422([
        { field: '$.upc', code: 'invalid' },
        { field: '$["a`b|c"]', code: 'missing_field' },
      ]);
    default:
      return {
        status: 422,
        body: JSON.stringify({
          message: `user ${login} (${encodeURIComponent('jane.roe@acme.example')}) may not`,
          errors: [{ field: '$.upc', code: 'invalid' }],
        }),
      };
  }
};

async function outageOfAcme() {
  const company = await testSandbox().company('acme', { script: outage });
  const settings = company.clientSettings({
    retry: { ...QUICK_RETRIES, retries: 1 },
    timeoutMs: 1_500,
    contact: { name: 'Tech *support*', email: 'tech@acme.example' },
  });
  const engine = await testEngine({ acme: settings });
  const client = engine.client();
  for (const [index, login] of ['jane_roe', 'jroe', 'bob', 'carla', 'dave'].entries()) {
    const event = { ...sampleEvent('disposition_update'), optiturn_lp: `LP${index + 1}`, user_login: login };
    await client.submit([event]);
    await client.settled({ dead: index + 1 });
  }
  const directory = testDirectory();
  const config = (keepDays?: number) =>
    stringify({
      redis: { url: testRedisPath() },
      deadLetters: keepDays === undefined ? {} : { keepDays },
      clients: { [client.name]: settings },
    });
  const configure = (keepDays?: number) => writeFileSync(join(directory, 'waybill.yaml'), config(keepDays));
  configure(30);
  const run = (...args: string[]) => runWaybill(args, { directory });
  const plain = (text: string) =>
    text
      .replaceAll(client.name, 'acme')
      .replaceAll(new URL(company.baseUrl).host, 'host')
      .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID')
      // Its rows depend on the minute.
      .replace(/### The course of the outage\n[\s\S]*?\n\n(?=###)/, '')
      .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/g, 'TIME');
  return { client, company, directory, configure, run, plain };
}

/** What was sent about a unit, as the report shows it. */
function payloadOf(unit: string): string {
  const payload = { ...sampleEvent('disposition_update'), optiturn_lp: unit, user_login: '***' };
  return JSON.stringify(findEventType('disposition_update').schema.parse(payload), undefined, 2);
}

/** The report of that outage, but for times, ids and the host. */
const REPORT = `# Events for acme that could not be delivered

- To: Tech \\*support\\*, tech@acme.example
- Made at TIME; all times are UTC

5 events for one of your endpoints could not be delivered, and wait here until the cause is mended. Below is what we saw, what we ask of you, and what becomes of them.

## disposition_update: 5 events

|  |  |
| --- | --- |
| Endpoint | POST \`http://host/dispositions\` |
| Failing since | TIME |
| First event given up on | TIME |
| Last event given up on | TIME |
| Events | 5 |
| Units that they are about | 5 |

### How it fails

| Status | What it means | Events | First | Last |
| --- | --- | --- | --- | --- |
| 422 | the event was called invalid | 3 | TIME | TIME |
| none (timeout) | no answer came in time | 1 | TIME | TIME |
| 500 | your server failed | 1 | TIME | TIME |

### Fields that your endpoint objected to

| Field | Objection | Events |
| --- | --- | --- |
| \`$.upc\` | \`invalid\` | 3 |
| \`\`$["a\`b\\|c"]\`\` | \`missing_field\` | 1 |

### What came back, and which units

#### 422 client_error: 3 events

Units: \`LP3\`, \`LP2\`, \`LP1\`

Event \`ID\`, unit \`LP3\`, attempt 2 at TIME: this answer

\`\`\`
content-type: application/json

{"message":"Validation failed","errors":[{"field":"$.upc","code":"invalid"},{"field":"$[\\"a\`b|c\\"]","code":"missing_field"}]}
\`\`\`

What we send (personal data is masked)

\`\`\`json
${payloadOf('LP3')}
\`\`\`

Event \`ID\`, unit \`LP2\`, attempt 2 at TIME: this answer

\`\`\`
content-type: application/json

{"message":"user *** (***) may not","errors":[{"field":"$.upc","code":"invalid"}]}
\`\`\`

#### timeout: 1 event

Units: \`LP5\`

Event \`ID\`, unit \`LP5\`, attempt 2 at TIME: no answer

\`\`\`
no answer from host within 1500 ms
\`\`\`

What we send (personal data is masked)

\`\`\`json
${payloadOf('LP5')}
\`\`\`

#### 500 server_error: 1 event

Units: \`LP4\`

Event \`ID\`, unit \`LP4\`, attempt 2 at TIME: this answer

\`\`\`\`
content-type: application/json

${HOSTILE}
\`\`\`\`

What we send (personal data is masked)

\`\`\`json
${payloadOf('LP4')}
\`\`\`

### What we ask of you

1. Compare the fields listed above with what your endpoint expects. Either let it accept them, or tell us what is wrong with them.
2. Find out why host takes longer than 1500 ms to answer. An endpoint that takes the event first and works on it afterwards is quicker.
3. Look into the logs of your server, and of what stands before it, at the times above. Each request carries the id of its event in the header Idempotency-Key.

## What happens next

- Each event is tried 2 times within a few seconds. Those above had all of their attempts, and are not sent by themselves any more.
- New events are sent as they come, each with all of its attempts.
- Those above are kept for 30 days: the first one is removed at TIME. Tell us in time.
- Tell us when the cause is mended: we send all of them again, with the same content and the same Idempotency-Key.
- You may see an event that you have processed already: delivery is at least once. The header Idempotency-Key is the same whenever an event is sent; please drop what you have had.
`;

test('the report of an outage, line by line: counts, statuses, fields, units, masked logins', async () => {
  const { client, configure, run, plain } = await outageOfAcme();
  const { code, stdout } = await run('report', client.name);
  expect([code, plain(stdout).split('\n')]).toEqual([0, REPORT.split('\n')]);
  configure();
  const endless = await run('report', client.name, '--since', '1d', '--type', 'disposition_update');
  expect(endless.stdout).toContain('Of events that were given up on since ');
  expect(endless.stdout).toContain('Those above are kept until we send them again.');
  const [none, misuse] = await Promise.all([
    run('report', client.name, '--type', 'inventory_receipt'),
    run('report', 'nobody'),
  ]);
  expect([none.code, none.stdout]).toEqual([0, expect.stringContaining('There is nothing to report')]);
  expect([misuse.code, misuse.stderr]).toEqual([2, expect.stringContaining('client "nobody" is not in')]);
});

test('as HTML, what a server answered is shown as it is and means nothing; the file is written once', async () => {
  const { client, directory, run } = await outageOfAcme();
  const args = ['report', client.name, '--format', 'html', '--output', 'report.html'];
  expect(await run(...args)).toMatchObject({
    code: 0,
    stdout: 'The report of 5 events stands in report.html.\n',
  });
  const file = join(directory, 'report.html');
  const html = readFileSync(file, 'utf8');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(html).toContain(
    '&lt;/code&gt;&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;\n```\n# Pay here\n[us](javascript',
  );
  const tags = new Set([...html.matchAll(/<([a-z]\w*)/g)].map(([, name]) => name));
  expect([...tags].filter((tag) => ['script', 'a', 'img', 'em', 'iframe'].includes(tag ?? ''))).toEqual([]);
  expect([...html.matchAll(/<h1>(.*?)<\/h1>/g)].map(([, text]) => text)).toEqual([
    `Events for ${client.name} that could not be delivered`,
  ]);
  expect(html).toContain('<td><code>$[&quot;a`b|c&quot;]</code></td>');
  expect(html).not.toMatch(/(?:href|src)=|url\(|@import/);
  expect(await run(...args)).toMatchObject({ code: 2, stderr: expect.stringContaining('exists already') });
});

test('machines read the same report, and the incident', async () => {
  const { client, run } = await outageOfAcme();
  const [report, incidents] = await Promise.all([
    run('report', client.name, '--json'),
    run('incidents', '--json'),
  ]);
  const { endpoints, ...rest } = JSON.parse(report.stdout);
  expect(rest).toMatchObject({
    client: client.name,
    contact: { email: 'tech@acme.example' },
    events: 5,
    next: { attempts: 2, keepDays: 30, waiting: 0 },
  });
  expect(endpoints).toMatchObject([
    {
      type: 'disposition_update',
      events: 5,
      units: { count: 5, isMore: false },
      failures: [
        { status: 422, class: 'client_error', events: 3, units: ['LP3', 'LP2', 'LP1'] },
        { status: null, class: 'timeout', events: 1 },
        { status: 500, class: 'server_error', events: 1 },
      ],
      fields: { readFrom: 3, isAll: true, errors: [{ field: '$.upc', code: 'invalid', events: 3 }, {}] },
    },
  ]);
  expect(report.stdout).not.toMatch(/jane|jroe|bob|carla|dave/);
  const { open, closed } = JSON.parse(incidents.stdout);
  expect([open, closed]).toMatchObject([
    [{ client: client.name, type: 'disposition_update', events: 5, deadLetters: 5, closedAt: null }],
    [],
  ]);
  expect(endpoints[0]).toMatchObject({
    incidentOpenedAt: open[0].openedAt,
    failingSince: open[0].failingSince,
  });
  const table = await run('incidents', client.name);
  expect(table.stdout).toMatch(/open .* 5 +5 +0 +422 client_error × 3, timeout × 1, 500 server_error × 1\n/);
});

test('a report is there while nothing was given up on yet, and when the incident is over', async () => {
  const company = await testSandbox().company('acme', {
    script: ({ body }) => ({ status: 503, body: `busy with ${JSON.parse(body).user_login}` }),
  });
  // Far beyond the test.
  const retry = { ...QUICK_RETRIES, baseDelayMs: 600_000, maxDelayMs: 600_000 };
  const settings = company.clientSettings({ retry });
  const engine = await testEngine({ acme: settings });
  const client = engine.client();
  const directory = testDirectory();
  const config = { redis: { url: testRedisPath() }, clients: { [client.name]: settings } };
  writeFileSync(join(directory, 'waybill.yaml'), stringify(config));
  const run = (...args: string[]) => runWaybill(args, { directory });
  const monitor = new IncidentMonitor({
    ...{ redis: testRedis(), clients: [client.name], channels: [], name: 'me', claimMs: 30_000 },
    ...{ downAfterMs: 60_000, signal: new AbortController().signal, now: () => Date.now() },
    log: createLog({ level: 'debug', destination: captureLogLines().stream }),
  });
  const is = (number: number, state: 'down' | 'open') => {
    const since = Date.now() - 600_000;
    const verdict = { ...OPEN_VERDICT, number, state, since, downFrom: state === 'down' ? since - 5_000 : 0 };
    return writeVerdict(testRedis(), dispositionsOf(client.name), verdict);
  };
  const events = numberedEvents('disposition_update', 2).map((event) => ({
    ...event,
    user_login: 'jane_roe',
  }));
  await client.submit(events);
  await client.settled({ retried: 2 });
  await is(1, 'down');
  await monitor.check();
  const [open, incidents] = await Promise.all([
    run('report', client.name, 'disposition_update'),
    run('incidents'),
  ]);
  for (const text of [
    'Nothing can be delivered to one of your endpoints. 2 events wait here; none was',
    'busy with ***',
    '503 server_error: event',
    'Nothing delivered since',
  ])
    expect(open.stdout).toContain(text);
  expect(open.stdout).not.toContain('jane');
  expect(incidents.stdout).toContain('open, down');
  expect(incidents.stdout).toContain(': nothing was delivered; 2 events wait (none given up on yet)');

  await engine.redis.hincrby(statsKey(client.name), 'delivered:disposition_update:200', 1);
  await is(2, 'open');
  await monitor.check();
  const [over] = await readClosedIncidents(engine.redis, client.name, 0);
  const id = over === undefined ? '' : incidentId(over);
  const [closed, none, unknown] = await Promise.all([
    run('report', client.name, '--incident', id),
    run('report', client.name),
    run('report', client.name, '--incident', 'nothing'),
  ]);
  for (const text of ['It is over.', '503 server_error', 'busy with ***', 'What we asked of you'])
    expect(closed.stdout).toContain(text);
  expect(none.stdout).toContain('There is nothing to report');
  expect(unknown).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('incident "nothing" is not known'),
  });
});
