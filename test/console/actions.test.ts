import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { isPaused } from '../../src/queue/pause-client.ts';
import { whyNoBrowser } from '../support/browser.ts';
import { readView } from '../support/client-view.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { mailServer } from '../support/mail-server.ts';
import { testRedis } from '../support/redis.ts';
import { type ConsoleScene, consoleScene, textOf } from './console-scene.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const skips = test.skipIf(whyNoBrowser());
const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
const confirm = (page: Page, name: string) => page.getByRole('dialog').getByRole('button', { name });

/** What the audit of a client says, newest first: the action, by which key, and how many. */
async function auditOf(scene: ConsoleScene, short: string): Promise<string[]> {
  const { entries } = (await scene.get(`/v1/audit?client=${scene.client(short).name}`)) as {
    entries: { action: string; by: { key: string }; done: number | null }[];
  };
  return entries.map(({ action, by, done }) => `${action} by ${by.key}${done === null ? '' : `: ${done}`}`);
}

/** A client whose events have all died, and its dead letters on a page. */
async function deadLetters(count: number, others = {}) {
  const scene = await consoleScene({ clients: { bad: { contact: { email: 'tech@acme.example' } } }, others });
  const { name, company } = scene.client('bad');
  company.script(422);
  await scene.send('bad', count);
  const redis = testRedis();
  await expect.poll(async () => (await readView(redis, name)).dead).toBe(count);
  const page = await scene.open(`#/dead-letters?client=${name}`);
  await page.getByRole('heading', { name: `${count} dead letters` }).waitFor();
  return { scene, page, redis, name, company };
}

skips('a client is paused and resumed, and an endpoint that is down is tried at once', async () => {
  const scene = await consoleScene({ clients: { acme: {} } });
  const { name, company } = scene.client('acme');
  const redis = testRedis();
  const page = await scene.open(`#/endpoint/${name}/${TYPE}`);
  await button(page, 'Pause client…').click();
  expect(await page.getByRole('dialog').innerText()).toContain(
    `Nothing is sent to 1 endpoint of ${name}, for which 0 events wait now.`,
  );
  expect(await isPaused(redis, name)).toBe(false);
  await confirm(page, 'Pause').click();
  await page.getByText(/^Paused since/).waitFor();
  expect(await isPaused(redis, name)).toBe(true);
  await button(page, 'Resume client…').click();
  await confirm(page, 'Resume').click();
  await button(page, 'Pause client…').waitFor();
  expect(await isPaused(redis, name)).toBe(false);

  company.script(503);
  await scene.send('acme', 60);
  await button(page, 'Try now…').click();
  company.script(200);
  await confirm(page, 'Try now').click();
  await expect.poll(async () => (await readView(redis, name)).delivered).toBeGreaterThan(0);
  expect(await auditOf(scene, 'acme')).toEqual([
    'pace by night-shift',
    'resume by night-shift',
    'pause by night-shift',
  ]);
});

skips(
  'dead letters are replayed: canaries that fail stop it, and then all of them go at a rate',
  async () => {
    const { scene, page, redis, name, company } = await deadLetters(12);
    await button(page, 'Replay all 12…').click();
    await page.getByRole('dialog').getByText('12 dead letters would be replayed.').waitFor();
    await page.getByLabel('Canaries of each endpoint').fill('3');
    await confirm(page, 'Replay').click();
    await page.getByText('0 of 3 canaries delivered, 3 failed.').waitFor();
    await confirm(page, 'Leave them').click();
    await expect.poll(async () => (await readView(redis, name)).dead).toBe(12);
    expect(company.requests).toHaveLength(12 * 2 + 3 * 2);

    company.script(200);
    await button(page, 'Replay all').click();
    await page.getByLabel('Canaries of each endpoint').fill('2');
    await page.getByLabel('At most, events per second').fill('50');
    await page.getByText('12 dead letters would be replayed, in about 0 s.').waitFor();
    await confirm(page, 'Replay').click();
    await page.getByText('2 of 2 canaries delivered.').waitFor();
    await page.getByText('12 of 12 replayed').waitFor();
    await confirm(page, 'Close').click();
    await page.getByRole('heading', { name: '0 dead letters' }).waitFor();
    await expect.poll(async () => (await readView(redis, name)).delivered).toBe(12);
    expect(await auditOf(scene, 'bad')).toEqual([
      'replay by night-shift: 10',
      'replay by night-shift: 2',
      'replay by night-shift: 3',
    ]);
  },
);

skips('what is selected is discarded, and no other; the list is saved', async () => {
  const { scene, page, redis, name } = await deadLetters(5);
  const [download] = await Promise.all([page.waitForEvent('download'), button(page, 'Save as CSV').click()]);
  const csv = readFileSync(await download.path(), 'utf8').split('\r\n');
  expect(csv[0]).toBe('client,id,type,unit,attempts,status,class,diedAt,replays');
  expect(csv).toHaveLength(7);
  expect(csv[1]).toMatch(new RegExp(`^${name},[0-9a-f-]+,${TYPE},LPAA0000000,2,422,client_error,2`));
  for (const unit of ['LPAA0000001', 'LPAA0000003']) {
    await page.getByLabel(`Select the event about unit ${unit}`).check();
  }
  await button(page, 'Discard 2 selected…').click();
  await page.getByRole('dialog').getByText('They are removed for good').waitFor();
  await confirm(page, 'Discard for good').click();
  await page.getByText('2 of 2 discarded').waitFor();
  await confirm(page, 'Close').click();
  await page.getByRole('heading', { name: '3 dead letters' }).waitFor();
  expect(await readView(redis, name)).toMatchObject({ dead: 3, discarded: 2 });
  expect(await auditOf(scene, 'bad')).toEqual(['discard by night-shift: 2']);
  await page.goto(`${scene.address}/console#/events?unit=LPAA0000003&client=${name}`);
  await page.getByRole('cell', { name: 'discarded' }).waitFor();
});

skips('the report is read, copied and mailed', async () => {
  const { port, mails } = await mailServer();
  const { scene, page, name } = await deadLetters(2, {
    smtp: { host: '127.0.0.1', port, secure: false, from: 'waybill@ops.example' },
  });
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto(`${scene.address}/console#/endpoint/${name}/${TYPE}`);
  await button(page, 'Report…').first().click();
  const report = await page.getByLabel('The report', { exact: true }).inputValue();
  expect(report).toContain(`# Events for ${name} that could not be delivered`);
  await confirm(page, 'Copy').click();
  await page.getByText('Copied.').waitFor();
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe(report);
  await confirm(page, 'Send…').click();
  await page.getByText('The report of 2 dead letters, units attached.').waitFor();
  expect(mails).toEqual([]);
  await confirm(page, 'Yes, send it to tech@acme.example').click();
  await page.getByText('Sent to tech@acme.example.').waitFor();
  expect(mails.map(({ to }) => to)).toEqual([['tech@acme.example']]);
  expect(await auditOf(scene, 'bad')).toEqual(['report by night-shift']);
});

skips('a key without the scope operate is offered nothing, and sees no personal data', async () => {
  const scene = await consoleScene({ clients: { bad: {} } });
  const { name, company } = scene.client('bad');
  company.script(422);
  await scene.send('bad', 1);
  const page = await scene.open(`#/endpoint/${name}/${TYPE}`, { key: 'reader' });
  await button(page, 'Report…').first().waitFor();
  await page.getByRole('link', { name: 'Dead letters', exact: true }).click();
  await page.getByRole('heading', { name: '1 dead letter' }).waitFor();
  const offered = await page.getByRole('button').allInnerTexts();
  expect(offered.filter((text) => /Pause|Resume|Try|Replay|Discard/.test(text))).toEqual([]);
  expect(await page.getByRole('checkbox').count()).toBe(0);
  await page.locator('tbody tr th a').last().click();
  await page.getByRole('heading', { name: 'Payload, personal data masked' }).waitFor();
  expect(await page.getByLabel('Payload').inputValue()).toMatch(/"user_login": "\*\*\*"/);
  expect(await textOf(page)).toContain('A key with the scope operate sees all of it.');
});

skips('over plain HTTP from another machine it warns, and all the same copies and replays', async () => {
  const { scene, redis, name } = await deadLetters(2);
  const by = scene.address.replace('127.0.0.1', 'waybill.example');
  const flags = ['--host-resolver-rules=MAP waybill.example 127.0.0.1'];
  const page = await scene.open(`#/endpoint/${name}/${TYPE}`, { by, flags });
  await page.getByText('keys and payloads travel in the clear').waitFor();
  await button(page, 'Report…').first().click();
  await confirm(page, 'Copy').click();
  await page.getByText('Copied.').waitFor();
  await confirm(page, 'Close').click();
  await page.getByRole('link', { name: 'Dead letters', exact: true }).click();
  scene.client('bad').company.script(200);
  await page
    .getByLabel(/Select the event about unit/)
    .first()
    .check();
  await page.getByLabel('all of this page').check();
  await button(page, 'Replay 2 selected…').click();
  await confirm(page, 'Replay').click();
  await page.getByText('2 of 2 replayed').waitFor();
  await expect.poll(async () => (await readView(redis, name)).delivered).toBe(2);
});
