import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { type CoursePoint, tabulateCourse } from '../../src/core/course.ts';
import type { ClosedIncident, Incident } from '../../src/core/incident.ts';
import { buildReport, type Outage } from '../../src/incidents/build-report.ts';
import { reportHtml } from '../../src/incidents/report-html.ts';
import { reportMarkdown } from '../../src/incidents/report-markdown.ts';
import { openPage, whyNoBrowser } from '../support/browser.ts';
import { testDirectory } from '../support/waybill-process.ts';

const MINUTE_MS = 60_000;
const T0 = Date.UTC(2026, 2, 1, 14);
const TYPE = 'disposition_update';

/** It delivered 300 a minute, failed more and more, and was then refused. */
const COURSE: readonly CoursePoint[] = Array.from({ length: 45 }, (_, minute) => {
  const at = T0 + minute * MINUTE_MS;
  if (minute >= 6) return [{ at, class: 'refused', status: 0, count: 12 }];
  return [
    { at, class: 'delivered', status: 200, count: 200 },
    { at, class: 'delivered', status: 201, count: 100 - 15 * minute },
    { at, class: 'server_error', status: 503, count: 15 * minute + 1 },
  ];
}).flat();

const DOWN: Incident = {
  ...{ client: 'acme', type: TYPE, cause: 'down', openedAt: T0 + 6 * MINUTE_MS, failingSince: T0, lastAt: 0 },
  ...{ count: 0, diedAgain: 0, left: 0, failures: [], waiting: 12_400 },
  ...{ state: 'down', stateSince: T0 + 6 * MINUTE_MS, downFrom: T0 + 5.8 * MINUTE_MS },
};
const OVER: ClosedIncident = {
  ...{ ...DOWN, state: 'open', count: 120, diedAgain: 7, lastAt: T0 + 40 * MINUTE_MS },
  ...{
    failures: [{ class: 'refused', status: 0, count: 127 }],
    closedAt: T0 + 50 * MINUTE_MS,
    end: 'delivered',
  },
};
const EXAMPLE = {
  ...{ class: 'server_error', status: 503, event: 'event-1', unit: 'LP1', at: T0 + 5 * MINUTE_MS },
  ...{ attempts: 2, answer: '<h3>The course of the outage</h3> busy' },
};

function reportOf(incident: Outage['incident'], outage: Partial<Outage> = {}) {
  const acme = { baseUrl: 'https://returns.acme.example', endpoints: { [TYPE]: '/d' } };
  const client = parseConfig(JSON.stringify({ clients: { acme } }), '/etc/waybill.yaml', {}).clients['acme'];
  if (client === undefined) throw new Error('no client');
  const outages = [{ incident, course: COURSE, examples: [EXAMPLE], ...outage }];
  const parts = { client, collected: [], outages, keepDays: 30, waiting: 12_400, since: undefined };
  return buildReport({ ...parts, now: T0 + 60 * MINUTE_MS });
}

test('the report of an endpoint that is down says so before an event was given up on', () => {
  const markdown = reportMarkdown(reportOf(DOWN));
  for (const part of [
    'Nothing can be delivered to one of your endpoints. 12,400 events wait here; none was given up on yet.',
    `## ${TYPE}\n`,
    '| Nothing delivered since | 2026-03-01 14:05:48Z |',
    '| Events that wait | 12,400 |',
    '### The course of the outage\n\nAttempts per 5 minutes, counted since the first failure.',
    '| From | delivered | refused | 503 server_error |\n| --- | --- | --- | --- |\n| 2026-03-01 14:00:00Z | 1,350 | 0 | 155 |\n| 2026-03-01 14:05:00Z | 225 | 48 | 76 |',
    '503 server_error: event `event-1`, unit `LP1`, attempt 2 at 2026-03-01 14:05:00Z: this answer',
    '### What we ask of you\n\n1. Check that your server runs',
    '2. Look into the logs of your server',
    '- 12,400 events for you wait or are being tried again.\n- They are sent by themselves',
  ])
    expect(markdown).toContain(part);
  expect(markdown).not.toContain('How it fails');
});

test('without a course it tells what came back, and asks about that', () => {
  const report = reportOf(DOWN, { course: [] });
  expect(report.endpoints).toMatchObject([{ course: [], events: 0, firstDiedAt: null }]);
  const markdown = reportMarkdown(report);
  expect(markdown).not.toContain('The course of the outage\n');
  expect(markdown).toContain('1. Look into the logs of your server');
  expect(reportMarkdown(reportOf(DOWN, { course: [], examples: [] }))).not.toContain('What we ask of you');
});

test('the report of an incident that is over tells what it was, and promises nothing', () => {
  const markdown = reportMarkdown(reportOf(OVER));
  expect(markdown).toContain(
    'Between 2026-03-01 14:00:00Z and 2026-03-01 14:50:00Z events for one of your endpoints could not be delivered. It is over.',
  );
  expect(markdown).toContain('| Over since | 2026-03-01 14:50:00Z |\n| Events given up on meanwhile | 120 |');
  expect(markdown).toContain('| Given up on again after a replay | 7 |');
  expect(markdown).toContain('### What we asked of you');
  expect(markdown).not.toMatch(/What happens next|12,400/);
});

test('a course is told in at most fifteen spans of a round length, and few columns; nothing of it is left out', () => {
  const many = Array.from({ length: 9_000 }, (_, n) => ({
    ...{ at: T0 + n * MINUTE_MS, class: 'client_error', status: 400 + (n % 9), count: 1 },
  }));
  for (const minutes of [1, 14, 70, 400, 9_000]) {
    const { spans, kinds } = tabulateCourse(many.slice(0, minutes), 15, 5);
    expect(spans.length).toBeLessThanOrEqual(15);
    expect(kinds.length).toBeLessThanOrEqual(5);
    const counts = spans.flatMap((span) => span.counts);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(minutes);
  }
  expect(tabulateCourse(many.slice(0, 70), 15, 5)).toMatchObject({
    everyMs: 5 * MINUTE_MS,
    kinds: [
      { status: 400 },
      { status: 401 },
      { status: 402 },
      { status: 403 },
      { class: 'others', status: 0 },
    ],
  });
});

test('in HTML the course is one plot with axes and units, above its table', () => {
  const html = reportHtml(reportOf(DOWN));
  expect(html.split('<svg')).toHaveLength(2);
  expect(html).toMatch(
    /<h3>The course of the outage<\/h3>\n<figure><svg [\s\S]*<\/figure>\n<p>Attempts per 5 minutes/,
  );
  expect(html).toContain('>attempts per minute</text>');
  expect(html).toContain('>time (UTC), from 2026-03-01</text>');
  expect(html).toContain('<title>14:05 delivered: 225, refused: 0, 503 server_error: 76</title>');
  expect(html).not.toMatch(/NaN|undefined|Infinity/);
});

describe.skipIf(whyNoBrowser() !== undefined)('in a browser', () => {
  test('the plot fills its place, and no text of it lies outside', { timeout: 120_000 }, async () => {
    const file = join(testDirectory(), 'report.html');
    writeFileSync(file, reportHtml(reportOf(DOWN)));
    const page = await openPage();
    await page.goto(`file://${file}`);
    const seen = await page.evaluate(`(() => {
      const boxes = (selector) => [...document.querySelectorAll(selector)].map((one) => one.getBoundingClientRect());
      const [svg] = boxes('svg');
      const isOutside = (box) =>
        box.left < svg.left || box.right > svg.right || box.top < svg.top || box.bottom > svg.bottom;
      const outside = boxes('svg text, svg rect').filter(isOutside).length;
      return { isWide: svg.width > 400, hasTexts: boxes('svg text').length > 8, outside };
    })()`);
    expect(seen).toEqual({ isWide: true, hasTexts: true, outside: 0 });
  });
});
