import { expect, onTestFinished, test } from 'vitest';
import type { ApiParts } from '../../src/api/api-parts.ts';
import { createApi } from '../../src/api/create-api.ts';
import { EVENT_FORMATS } from '../../src/api/event-items.ts';
import { statusOf } from '../../src/api/problems.ts';
import { httpConfigSchema } from '../../src/config/http-config.ts';
import { codeIn, itemsOf, readTopic, rowsOf, sectionOf } from './texts.ts';

const TEXT = readTopic('http');
const OTHER = 422;

interface Document {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { security?: readonly { key: readonly string[] }[] }>>>
  >;
}

/** The routes as the OpenAPI document has them: method, path and scope. */
async function routes(): Promise<string[]> {
  const keys = [{ name: 'a', sha256: '0'.repeat(64), scopes: ['submit'] }];
  // Nothing is asked of the parts: only the document is read.
  const parts = { version: '1.2.3', http: httpConfigSchema.parse({ keys }) } as ApiParts;
  const server = await createApi(parts);
  onTestFinished(() => server.close());
  await server.ready();
  const { paths } = server.swagger() as unknown as Document;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security }]) => {
      const scopes = (security ?? []).flatMap(({ key }) => key).join(' ') || 'none';
      return `${method.toUpperCase()} ${path} ${scopes}`;
    }),
  );
}

test('http.md has every route with its scope, and no other', async () => {
  const rows = rowsOf(sectionOf(TEXT, 'Routes')).map((cells) => cells.join(' ').replaceAll('`', ''));
  expect(rows.sort()).toEqual((await routes()).sort());
});

test('http.md has every content type of events, and no other', () => {
  const rows = rowsOf(sectionOf(TEXT, 'Submitting events'));
  expect(rows.flatMap(([cell = '']) => codeIn(cell))).toEqual(Object.keys(EVENT_FORMATS));
});

test('http.md has the status of each code that has one of its own', () => {
  const rows = rowsOf(sectionOf(TEXT, 'Answers that are no success'));
  const told = rows.flatMap(([status, cell = '']) => codeIn(cell).map((code) => [code, Number(status)]));
  expect(told).toEqual(told.map(([code]) => [code, statusOf(String(code))]));
  const codes = itemsOf(readTopic('errors').split('\n## ')[0] ?? '');
  const own = codes.filter((code) => statusOf(code) !== OTHER);
  expect(told.map(([code]) => code)).toEqual(expect.arrayContaining(own));
});

test('metrics.md has the paths that are served', () => {
  const paths = rowsOf(readTopic('metrics')).flatMap(([cell = '']) => codeIn(cell));
  expect(paths).toEqual(['/livez', '/readyz', '/metrics']);
});
