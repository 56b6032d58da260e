import { expect, test } from 'vitest';
import { preferredFormat } from '../../src/api/reports.ts';
import { incidentsKey } from '../../src/queue/names.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedis } from '../support/redis.ts';
import { startTestApi } from './api-fixture.ts';
import { addLetters, letter } from './dead-letters.ts';

failOnLeaks();

const TYPE = 'disposition_update';

async function withLetters() {
  const api = await startTestApi();
  await addLetters(testRedis(), api.name, [letter(0, 422), letter(1, 0), letter(2, 422)]);
  const report = (query = '', headers = {}) =>
    api.call('GET', `/v1/clients/${api.name}/report${query}`, { key: api.keys.read, headers });
  return { api, report };
}

test('the report comes as JSON, Markdown or HTML, as Accept or the query says', async () => {
  const { api, report } = await withLetters();
  const json = await report();
  expect(json.headers).toMatchObject({ 'content-type': 'application/json; charset=utf-8', vary: 'accept' });
  expect(json.body).toMatchObject({
    client: api.name,
    events: 3,
    endpoints: [{ type: TYPE, events: 3, failures: [{ status: 422 }, { status: null, class: 'timeout' }] }],
  });
  const title = `Events for ${api.name} that could not be delivered`;
  const markdown = await report('', { accept: 'text/markdown' });
  expect(markdown.headers['content-type']).toBe('text/markdown; charset=utf-8');
  expect(markdown.body).toMatch(new RegExp(`^# ${title}\n`));
  const html = await report('', {
    accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  });
  expect(html.headers['content-type']).toBe('text/html; charset=utf-8');
  expect(html.body).toContain(`<title>${title}</title>`);
  expect((await report('?format=md', { accept: 'text/html' })).body).toBe(
    markdown.body.replace(
      /Made at \S+ \S+/,
      /Made at \S+ \S+/.exec((await report('?format=md')).body)?.[0] ?? '',
    ),
  );
});

test('the report is of a type, a time or an incident, and a filter that is wrong is refused', async () => {
  const { api, report } = await withLetters();
  expect((await report('?since=2026-03-01T14:00:01Z')).body).toMatchObject({ events: 2 });
  expect((await report('?type=inventory_receipt')).body).toMatchObject({ events: 0, endpoints: [] });
  const incident = { openedAt: 5, failingSince: 1, lastAt: 9, count: 3, left: 3, 'of:timeout:0': 3 };
  const fields = Object.entries(incident).map(([what, value]) => [`${TYPE}:${what}`, value] as const);
  await testRedis().hset(incidentsKey(api.name), Object.fromEntries(fields));
  const [{ id }] = (await api.call('GET', `/v1/incidents?client=${api.name}`)).body.open;
  const of = await report(`?incident=${encodeURIComponent(id)}`);
  expect(of.body).toMatchObject({ events: 3, endpoints: [{ incident: { id } }] });
  expect(await report('?incident=none')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
  expect(await report('?format=pdf')).toMatchObject({
    status: 400,
    body: { errors: [{ path: 'query.format' }] },
  });
});

test.each([
  [undefined, 'json'],
  ['*/*', 'json'],
  ['text/*', 'md'],
  ['text/html', 'html'],
  ['TEXT/HTML;level=1;q=0.4, text/markdown;q=0.3', 'html'],
  ['application/json;q=0.1, text/markdown; q=0.2', 'md'],
  ['text/html;q=0, text/*', 'md'],
  ['image/png', 'json'],
  [',;q=x', 'json'],
])('Accept: %s asks for %s', (accept, format) => {
  expect(preferredFormat(accept)).toBe(format);
});
