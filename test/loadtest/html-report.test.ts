import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { renderHtml } from '../../src/loadtest/html/page.ts';
import type { Plot } from '../../src/loadtest/html/plot.ts';
import type { LoadReport } from '../../src/loadtest/load-report.ts';
import { openPage, whyNoBrowser } from '../support/browser.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testDirectory } from '../support/waybill-process.ts';
import { sampleRun, sampleSearch } from './sample-report.ts';

failOnLeaks();

const HOSTILE = `</script><script>document.title = 'taken over'</script><img src=x onerror="alert(1)">\u2028&amp;`;

function plotsOf(page: string): Plot[] {
  const [, json = ''] = /<script type="application\/json" id="plots">(.*?)<\/script>/s.exec(page) ?? [];
  return JSON.parse(json);
}

function plotOf(report: LoadReport, id: string): Plot {
  const plot = plotsOf(renderHtml(report)).find((each) => each.id === id);
  if (plot === undefined) throw new Error(`there is no plot ${id}`);
  return plot;
}

/** A run whose outcomes, label and rows hold what an endpoint may say to do harm. */
function hostileRun(): LoadReport {
  const run = sampleRun({ label: HOSTILE, command: HOSTILE });
  const probes = run.probes.map((probe) => ({
    ...probe,
    outcomes: probe.outcomes.map((outcome) => ({
      ...outcome,
      examples: outcome.examples.map((example) => ({ ...example, response: HOSTILE })),
    })),
    seconds: probe.seconds.map((row) => ({ ...row, failures: { [HOSTILE]: 1 } })),
  }));
  return { ...run, probes };
}

test('the knee has a point for each rate in ascending order, and no number for a probe that fell behind', () => {
  const { xs, series, marks, y } = plotOf(sampleSearch(), 'knee');
  expect(xs).toEqual([50, 100, 200, 283, 283, 311, 400]);
  const of = (label: string) => series.find((each) => each.label === label);
  expect(of('measured')?.values.at(-1)).toBeNull();
  expect(
    of('measured')
      ?.values.slice(0, -1)
      .every((value) => Number(value) > 30),
  ).toBe(true);
  expect(of('met')?.values.map((value) => value !== null)).toEqual([
    true,
    true,
    true,
    true,
    true,
    false,
    false,
  ]);
  expect(of('missed')?.values.at(-1)).toBe(y.max);
  expect(of('missed')?.shown?.at(-1)).toBeNull();
  expect(marks).toEqual([
    { kind: 'level', at: 150, label: 'p99<150ms' },
    { kind: 'place', at: 283, label: 'found: 283/s' },
  ]);
});

test('the percentile axis gives each nine the same room, and marks the place beyond which events are too few', () => {
  const report = sampleRun();
  const { xs, series, marks } = plotOf(report, 'percentiles');
  const [probe] = report.probes;
  const response = series[0]?.values ?? [];
  const p99 = response.findLast((value, n) => value !== null && (xs[n] ?? 9) <= 2);
  expect(p99).toBeCloseTo(probe?.response.percentiles['p99'] ?? 0, 0);
  expect(response.at(-1)).toBeCloseTo(probe?.response.maxMs ?? 0, 0);
  const carried = marks.find(({ kind }) => kind === 'place');
  // 12,000 events carry 99.975 %: 1 - 0.05^(1/12000).
  expect(carried).toMatchObject({ at: expect.closeTo(3.6, 1) });
});

test('outcomes are stacked, and the legend shows the count of each', () => {
  const { series, xs } = plotOf(sampleRun(), 'outcomes');
  expect(series.map(({ label }) => label)).toEqual(['503', 'delivered']);
  const [failed, delivered] = series;
  const sums = xs.map((_, n) => (failed?.shown?.[n] ?? 0) + (delivered?.shown?.[n] ?? 0));
  expect(failed?.values.map((value) => value ?? 0)).toEqual(sums);
  expect(sums.reduce((sum, value) => sum + value)).toBe(61 * 200);
});

test('the rate plot goes on until the last answer, and a drain of more than a second is shaded', () => {
  const report = sampleSearch();
  const { xs, series, marks } = plotOf(report, 'rate');
  const delivered = series.find(({ label }) => label === 'delivered')?.values ?? [];
  const behind = report.probes.find(({ cutShort }) => cutShort !== undefined);
  if (behind === undefined) throw new Error('no probe fell behind');
  const [startS, endS] = [behind.startMs / 1_000, behind.startMs / 1_000 + behind.seconds.length];
  const within = delivered.filter((_, n) => (xs[n] ?? 0) > startS && (xs[n] ?? 0) < endS);
  // It takes 300/s, and 3,600 were offered in nine seconds.
  expect(Math.min(...within.slice(9, 11).map(Number))).toBeGreaterThan(280);
  // After each probe there is a gap.
  expect(within).toEqual([...behind.seconds.map((row) => row.delivered), null]);
  expect(marks).toContainEqual({ kind: 'stretch', from: startS + 9, to: endS });
  const [, quick] = report.probes;
  if (quick === undefined) throw new Error('there is no first probe');
  const endOfQuick = quick.startMs / 1_000 + 16;
  expect(quick.seconds).toHaveLength(17);
  expect(marks.filter((mark) => mark.kind === 'stretch' && mark.from === endOfQuick)).toEqual([]);
  expect(delivered[xs.indexOf(endOfQuick + 0.5)]).toBeNull();
});

test('a staged plan is named by what it offers, everywhere', () => {
  const stages = [
    { durationMs: 10_000, fromRate: 0, toRate: 200 },
    { durationMs: 45_000, fromRate: 200, toRate: 200 },
    { durationMs: 5_000, fromRate: 200, toRate: 0 },
  ];
  const run = sampleRun();
  const { search: _, ...plan } = run.plan;
  const page = renderHtml({ ...run, plan: { ...plan, stages } });
  expect(page).toContain('planned 0 to 200/s for 1 min');
  expect(page).toContain('How long events took, at 0 to 200/s');
  expect(page).toContain('Outcomes at 0 to 200/s');
  expect(page).toContain('0 to 200/s for 10 s, 200/s for 45 s, 200 to 0/s for 5 s');
  expect(page.match(/data-label="Rate">0 to 200\/s</g)).toHaveLength(2);
});

test('a report read back from its JSON is the same page, whatever was measured', () => {
  const search = sampleSearch();
  expect(renderHtml(JSON.parse(JSON.stringify(search)))).toBe(renderHtml(search));
  const inconclusive = search.probes.map((probe) => ({ ...probe, verdict: 'inconclusive' as const }));
  const ids = plotsOf(renderHtml({ ...search, probes: inconclusive })).map(({ id }) => id);
  expect(ids).toEqual(['rate', 'durations', 'outcomes', 'in-flight']);
  const { recommended: _, ...nothing } = { ...search, probes: [] };
  expect(plotsOf(renderHtml(nothing))).toEqual([]);
});

test('durations of a probe that fell behind are shown over time only', () => {
  const search = sampleSearch();
  const { limit: _, ...result } = search.result;
  const probes = search.probes.filter(({ cutShort }) => cutShort !== undefined);
  const page = renderHtml({ ...search, result, probes });
  expect(plotsOf(page).map(({ id }) => id)).toEqual(['rate', 'durations', 'outcomes', 'in-flight']);
  expect(page).toContain('not quoted: this probe was cut short');
  expect(page).not.toContain('<h2>Objectives</h2>');
  const [probe] = probes;
  if (probe === undefined) throw new Error('no probe fell behind');
  const run = renderHtml({ ...search, kind: 'run', result, probes: [{ ...probe, purpose: 'run' }] });
  expect(run).toContain('<h2>Objectives</h2>');
  expect(plotsOf(run)[0]?.id).toBe('percentiles');
});

test('an answer of the endpoint is escaped in the page', () => {
  const page = renderHtml(hostileRun());
  expect(page).not.toContain('<img');
  expect(page).not.toContain('\u2028"');
  expect(page.match(/<script/g)).toHaveLength(3);
  expect(plotsOf(page).find(({ id }) => id === 'outcomes')?.series[0]?.label).toBe(HOSTILE);
  expect(page).toContain('&lt;/script&gt;&lt;script&gt;document.title');
});

/** The colours that a plot is drawn in, as `r,g,b`; read from a copy, which the browser has nothing to say about. */
function coloursOf(page: Page, id: string): Promise<string[]> {
  return page.evaluate(`(() => {
    const canvas = document.querySelector('#plot-${id} canvas');
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    const found = new Set();
    for (let n = 0; n < data.length; n += 4) {
      if (data[n + 3] === 255) found.add([data[n], data[n + 1], data[n + 2]].join());
    }
    return [...found];
  })()`);
}

const LIGHT = { response: '10,99,201', service: '194,87,12', delivered: '44,154,75' };
const DARK = { response: '100,172,255', service: '255,160,87', delivered: '63,174,98' };

test.skipIf(whyNoBrowser() !== undefined)(
  'in a browser: plots in light and dark, no overlap, an empty console, no request',
  async () => {
    const page = await openPage();
    const told: string[] = [];
    page.on('console', (message) => told.push(message.text()));
    page.on('pageerror', (error) => told.push(String(error)));
    page.on('request', (request) => told.push(request.url()));
    const file = join(testDirectory(), 'report.html');
    writeFileSync(file, renderHtml(sampleSearch({ label: HOSTILE })));
    const url = pathToFileURL(file).href;
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 1_400, height: 900 });
    await page.goto(url);
    const plots = plotsOf(renderHtml(sampleSearch()));
    expect(plots.map(({ id }) => id)).toEqual([
      'knee',
      'percentiles',
      'rate',
      'durations',
      'outcomes',
      'in-flight',
    ]);
    expect(plots.every(({ x, y }) => x.label !== '' && y.label !== '')).toBe(true);
    expect(await coloursOf(page, 'percentiles')).toEqual(
      expect.arrayContaining([LIGHT.response, LIGHT.service]),
    );
    expect(await coloursOf(page, 'outcomes')).toContain(LIGHT.delivered);
    await expectNoOverlap(page, 2);
    await page.emulateMedia({ colorScheme: 'dark' });
    await expect.poll(() => coloursOf(page, 'percentiles')).toContain(DARK.response);
    expect(await coloursOf(page, 'outcomes')).toContain(DARK.delivered);
    expect(await coloursOf(page, 'outcomes')).not.toContain(LIGHT.delivered);
    await page.setViewportSize({ width: 800, height: 900 });
    await expect.poll(() => page.locator('figure canvas').first().boundingBox()).toMatchObject({ x: 37 });
    await expectNoOverlap(page, 1);
    expect(await page.title()).toBe('Load test of acme: met, 2026-03-01');
    expect(told).toEqual([url]);
    // Last, since it speaks on the console: a script that is not the file's own does not run.
    await page.evaluate(`{
      const script = document.createElement('script');
      script.textContent = 'document.title = "taken over"';
      document.body.append(script);
    }`);
    expect(await page.title()).not.toContain('taken over');
  },
);

test.skipIf(whyNoBrowser() !== undefined)(
  'on a phone nothing is scrolled sideways: tables are stacked, with the names of their columns, and labels have room',
  async () => {
    const page = await openPage();
    const file = join(testDirectory(), 'report.html');
    writeFileSync(file, renderHtml(sampleSearch()));
    await page.goto(pathToFileURL(file).href);
    for (const width of [360, 390]) {
      await page.setViewportSize({ width, height: 800 });
      await expectNoOverlap(page, 1);
      const hidden = `[...document.querySelectorAll('body *')].filter((each) => each.scrollWidth > each.clientWidth + 1
        && getComputedStyle(each).overflowX !== 'visible').map((each) => each.className)`;
      expect(await page.evaluate(hidden)).toEqual([]);
    }
    const [rate, length] = await Promise.all(
      ['Rate', 'Length'].map((name) => page.locator(`td[data-label="${name}"]`).nth(1).boundingBox()),
    );
    expect(rate?.x).toBeLessThan(length?.x ?? 0);
    expect(rate?.y).toBe(length?.y);
    expect(await page.evaluate(LABEL)).toBe('"Verdict"');
    await page.setViewportSize({ width: 1_280, height: 800 });
    expect(await page.evaluate(LABEL)).toBe('none');
  },
);

const LABEL = `getComputedStyle(document.querySelector('td[data-label="Verdict"]'), '::before').content`;

/** Plots in so many columns, each within its frame and beside or below all others; nothing to scroll sideways. */
async function expectNoOverlap(page: Page, columns: number): Promise<void> {
  const isInside = async () =>
    (await page.evaluate('document.documentElement.scrollWidth - innerWidth')) as number;
  await expect.poll(isInside).toBeLessThanOrEqual(0);
  const frames = await Promise.all((await page.locator('figure').all()).map((each) => each.boundingBox()));
  const canvases = await Promise.all(
    (await page.locator('figure canvas').all()).map((each) => each.boundingBox()),
  );
  expect(new Set(frames.map((frame) => frame?.x)).size).toBe(columns);
  expect(canvases).toHaveLength(frames.length);
  frames.forEach((frame, n) => {
    const canvas = canvases[n];
    if (!frame || !canvas) throw new Error('a plot is not shown');
    expect(canvas.x).toBeGreaterThanOrEqual(frame.x);
    expect(canvas.x + canvas.width).toBeLessThanOrEqual(frame.x + frame.width);
    const meets = frames.filter((other) => {
      if (!other || other === frame) return false;
      const aside = other.x >= frame.x + frame.width || frame.x >= other.x + other.width;
      const below = other.y >= frame.y + frame.height || frame.y >= other.y + other.height;
      return !aside && !below;
    });
    expect(meets).toEqual([]);
  });
}
