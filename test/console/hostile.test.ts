import { expect, test } from 'vitest';
import { whyNoBrowser } from '../support/browser.ts';
import { numberedEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { consoleScene, textOf } from './console-scene.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const MARKUP = `<img src=x onerror="alert(1)"><script>alert(2)</script>"'>`;
const ODD = `${MARKUP}\u202eevil\u2066`;

test.skipIf(whyNoBrowser())(
  'markup, bidi controls, NUL and ten megabytes are shown as text on every page',
  async () => {
    const scene = await consoleScene({ clients: { odd: {}, large: {} } });
    const { name, company } = scene.client('odd');
    const errors = [{ field: MARKUP, code: `${MARKUP}\u0000` }];
    company.script({ status: 422, body: JSON.stringify({ errors, message: ODD }) });
    scene.client('large').company.script({ status: 422, body: `${ODD}\u0000${'x'.repeat(10_000_000)}` });
    const event = { ...numberedEvent(TYPE, 0), optiturn_lp: `LP${MARKUP}`, reference_unit_identifier: ODD };
    await scene.submit('odd', [event]);
    await scene.submit('large', [event]);
    // Of an endpoint that there is not, there is no history.
    const page = await scene.open('', { mayFail: true });
    const foreign = () => page.locator('main :is(img, script, iframe, object)').count();
    await page
      .getByRole('row', { name: new RegExp(name) })
      .getByRole('link', { name: '1', exact: true })
      .waitFor();
    await page.getByText('2 dead letters').waitFor();
    const pages = [
      ['#/overview', 'with an incident'],
      [`#/endpoint/${name}/${TYPE}`, 'opened: events were given up on'],
      [`#/endpoint/${encodeURIComponent(MARKUP)}/${TYPE}`, 'There is no such endpoint any longer.'],
      [`#/events?client=${name}`, '1 event.'],
      ['#/dead-letters', 'Last attempt'],
      ['#/incidents', 'opened: events were given up on'],
      [`#/${encodeURIComponent(MARKUP)}`, 'There is no such page.'],
    ] as const;
    for (const [hash, awaited] of pages) {
      await page.goto(`${scene.address}/console${hash}`);
      await page
        .getByRole('heading', { level: 1 })
        .or(page.getByText('There is no such page'))
        .first()
        .waitFor();
      await page.getByText(awaited).first().waitFor();
      expect(await foreign(), hash).toBe(0);
      expect(await textOf(page), hash).not.toMatch(/\p{Bidi_Control}/u);
    }
    for (const short of ['odd', 'large']) {
      await page.goto(`${scene.address}/console#/dead-letters?client=${scene.client(short).name}`);
      await page.getByRole('heading', { name: '1 dead letter' }).waitFor();
      expect(await textOf(page)).toContain(`LP${MARKUP}`);
      await page.locator('tbody').last().locator('th a').click();
      expect(await page.getByLabel('The last response').inputValue()).toContain(
        short === 'odd' ? '<img src=x onerror=' : `${MARKUP}\\u202eevil\\u2066`,
      );
      expect(await page.getByLabel('Payload').inputValue()).toContain('\\u202eevil');
      expect(await foreign()).toBe(0);
    }
  },
);
