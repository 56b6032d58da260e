import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { whyNoBrowser } from '../support/browser.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { consoleScene, isTooWide, seriousFaults, textOf } from './console-scene.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const SIZES = [
  [360, 800],
  [390, 844],
  [1_280, 900],
  [2_560, 1_440],
] as const;

/** A day with a healthy client, one whose endpoint is down, one that is slowed, and one with bad events. */
async function scriptedDay() {
  const scene = await consoleScene({
    clients: {
      healthy: {},
      down: {},
      slowed: { retry: { retries: 20, baseDelayMs: 500, factor: 1, maxDelayMs: 500, jitter: 0 } },
      bad: {},
    },
    others: { incidents: { lookEveryMs: 200 } },
    workers: 2,
  });
  scene.client('down').company.script(503);
  scene.client('slowed').company.script((_, { ofEvent }) => (ofEvent < 15 ? 429 : 200));
  const refused = JSON.stringify({ errors: [{ field: 'optiturn_lp', code: 'unknown' }] });
  scene.client('bad').company.script({ status: 422, body: refused });
  await scene.send('healthy', 20);
  await scene.send('down', 60);
  await scene.send('slowed', 60);
  await scene.send('bad', 3);
  return scene;
}

/** Runs in the page: whether something is drawn in the middle of each plot. */
const ALL_ARE_DRAWN = `[...document.querySelectorAll('canvas')].every((canvas) =>
  canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0))`;

/** Looks at the page in each size and both colour schemes: nothing is cut off, and axe-core finds nothing serious. */
async function inspect(page: Page): Promise<void> {
  const looks = new Set<string>();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    for (const [width, height] of SIZES) {
      await page.setViewportSize({ width, height });
      expect(await isTooWide(page), `${width} px, ${colorScheme}`).toBe(false);
      looks.add((await page.screenshot()).toString('base64'));
    }
    expect(await seriousFaults(page)).toEqual([]);
  }
  // Each looks otherwise.
  expect(looks.size).toBe(2 * SIZES.length);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1_280, height: 900 });
}

test.skipIf(whyNoBrowser())(
  'each page tells of a scripted day, in all sizes and colours, without a fault',
  async () => {
    const scene = await scriptedDay();
    const page = await scene.open();
    const [down, slowed, bad, healthy] = ['down', 'slowed', 'bad', 'healthy'].map(
      (short) => scene.client(short).name,
    );
    const row = (name = '') => page.getByRole('row', { name: new RegExp(name) });
    await row(down).getByText('down', { exact: true }).waitFor();
    await row(slowed).getByText('slowed', { exact: true }).waitFor();
    await row(bad).getByRole('link', { name: '3', exact: true }).waitFor();
    const headline = page.getByRole('heading', { level: 1 });
    await page
      .getByRole('heading', {
        name: /^1 endpoint down, 1 slowed, 1 with an incident; [\d,]+ events wait; \d+ dead letters$/,
      })
      .waitFor();
    expect(await page.title()).toBe('(1 down) Waybill console');
    // The worst first.
    const order = (await page.locator('tbody tr').allInnerTexts()).map((text) => text.split(' ')[0]);
    expect(order.slice(0, 2)).toEqual([down, slowed]);
    expect(await row(down).innerText()).toMatch(/since [\d:]+[\s\S]*503 server error[\s\S]*Tell the client/);
    expect(await row(bad).innerText()).toContain('422 client error: {"errors":[{"field":"optiturn_lp"');
    expect(await row(healthy).innerText()).toContain('ok');
    await inspect(page);
    await page
      .getByRole('group', { name: 'Endpoints by state' })
      .getByRole('button', { name: 'down 1' })
      .click();
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1);
    await page.getByRole('button', { name: 'down 1', pressed: true }).click();
    await expect.poll(() => page.locator('tbody tr').count()).toBe(4);
    await page.keyboard.press('/');
    await page.keyboard.type('bad disp');
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1);
    await page.keyboard.press('Escape');

    await page.goto(`${scene.address}/console#/endpoint/${down}/${TYPE}`);
    await page.getByText('Backlog waiting').waitFor();
    expect(await page.evaluate(ALL_ARE_DRAWN)).toBe(true);
    const endpoint = await textOf(page);
    expect(endpoint).toMatch(/down since [\d:]+ \(.*503 server error.*What to do: Send the report/);
    expect(endpoint).toMatch(/Failed attempts 5xx [\d.]+\/s, at most [\d.]+\/s/);
    expect(endpoint).toMatch(/Latency p50 [\d.]+ ms/);
    expect(endpoint).toMatch(/opened: events were given up on.*told log that it opened/);
    await inspect(page);

    await page.goto(`${scene.address}/console#/events`);
    await page.getByLabel('Client').fill(bad ?? '');
    await page.getByLabel('Outcome').selectOption('dead');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByText('3 events.').waitFor();
    await page.getByRole('button', { name: 'Last hour' }).click();
    await page.getByText('3 events.').waitFor();
    await inspect(page);
    await page.locator('tbody tr th a').first().click();
    await page.getByText('given up on: it is a dead letter').waitFor();
    expect(await page.getByLabel('Payload').inputValue()).toContain('"optiturn_lp": "');
    expect(await page.getByLabel('The last response').inputValue()).toContain('"unknown"');
    const event = await textOf(page);
    expect(event).toMatch(
      /accepted .*attempt 1 failed: 422 client error .*attempt 2 failed: 422 client error/,
    );
    expect(event).toContain('optiturn_lp unknown');
    expect(await page.getByLabel('Payload').inputValue()).toContain('"optiturn_lp": "');
    expect(await page.getByLabel('The last response').inputValue()).toContain('"unknown"');
    await inspect(page);

    await page.goto(`${scene.address}/console#/dead-letters?client=${bad}`);
    await page.getByRole('heading', { name: '3 dead letters' }).waitFor();
    expect(await textOf(page)).toMatch(
      /What they died of .*422 client error bad-\S+ disposition update optiturn_lp unknown 3/,
    );
    await inspect(page);

    const local = await page.locator('tbody tr th').last().textContent();
    await page.getByRole('button', { name: 'UTC' }).click();
    const title = await page.locator('tbody tr th time').last().getAttribute('datetime');
    expect(await page.locator('tbody tr th').last().textContent()).toBe(String(title).slice(11, 19));
    await page.getByRole('button', { name: 'UTC', pressed: true }).click();
    expect(await page.locator('tbody tr th').last().textContent()).toBe(local);
    await page.getByRole('link', { name: 'Incidents' }).click();
    await page.getByRole('heading', { name: '2 incidents are open' }).waitFor();
    expect(await textOf(page)).toMatch(
      /bad-\S+ disposition update open for .*3 events given up on; 3 dead letters left/,
    );
    await inspect(page);
    expect(await headline.count()).toBe(1);
  },
);

test.skipIf(whyNoBrowser())('all can be reached by keyboard, and focus follows', async () => {
  const scene = await consoleScene({ clients: { one: {} } });
  const page = await scene.open();
  await page.locator('tbody tr').waitFor();
  const focused = () => page.evaluate('document.activeElement.textContent || document.activeElement.tagName');
  const names: string[] = [];
  for (let n = 0; n < 18; n += 1) {
    await page.keyboard.press('Tab');
    names.push(String(await focused()));
  }
  const { name } = scene.client('one');
  const header = ['Overview', 'Events', 'Dead letters', 'Incidents', 'UTC', 'Leave'];
  // From the content on, and after the browser's own parts from the top.
  expect(names.slice(0, 3)).toEqual(['INPUT', 'ok 1', `${name} disposition update`]);
  const top = names.indexOf('Skip to the content');
  expect(names.slice(top, top + 10)).toEqual(['Skip to the content', ...header, ...names.slice(0, 3)]);
  await page.getByRole('link', { name: `${name} disposition update` }).press('Enter');
  await page.getByRole('button', { name: 'Pause client…' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).waitFor();
  await page.keyboard.press('Escape');
  await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
  expect(await focused()).toBe('Pause client…');
});
