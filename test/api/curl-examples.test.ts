import { expect, test } from 'vitest';
import { readTopic } from '../docs/texts.ts';
import { numberedEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { mailServer } from '../support/mail-server.ts';
import { testRedis } from '../support/redis.ts';
import { type HttpMethod, startTestApi } from './api-fixture.ts';
import { addLetters, letter } from './dead-letters.ts';

failOnLeaks();

interface Command {
  readonly method: HttpMethod;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The words of each `curl` of http.md, as a shell would pass them. */
function curls(): string[][] {
  const blocks = [...readTopic('http').matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) => block);
  const lines = blocks.join('').replaceAll('\\\n', ' ').split('\n');
  return lines
    .filter((line) => line.startsWith('curl '))
    .map((line) => [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((word) => word.slice(1).join('')));
}

function readCommand([, ...words]: readonly string[], variables: Readonly<Record<string, string>>): Command {
  const filled = words.map((word) => word.replace(/\$(\w+)/g, (_, name) => variables[name] ?? ''));
  const after = (flag: string): string[] => filled.filter((_, at) => filled[at - 1] === flag);
  const [body] = [...after('-d'), ...after('--data-binary')];
  const url = filled.find((word) => /^https?:/.test(word)) ?? '';
  const headers = after('-H').map((header) => header.split(/: (.*)/).slice(0, 2));
  const method = (after('-X')[0] ?? (body === undefined ? 'GET' : 'POST')) as HttpMethod;
  const path = url.replace('http://127.0.0.1:8425', '');
  return { method, path, headers: Object.fromEntries(headers), ...(body === undefined ? {} : { body }) };
}

test('http.md has a curl for each route, and each of them is answered with a success', async () => {
  const { port } = await mailServer();
  const { call, name, keys } = await startTestApi({
    client: { contact: { email: 'tech@acme.example' } },
    others: { smtp: { host: '127.0.0.1', port, secure: false, from: 'waybill@ops.example' } },
  });
  await addLetters(testRedis(), name, [letter(0, 500), letter(1, 422)]);
  const [{ id }] = (await call('GET', `/v1/dead-letters?client=${name}&status=422`)).body.deadLetters;
  const event = JSON.stringify(numberedEvent('disposition_update', 0));
  const variables = { API: 'http://127.0.0.1:8425/v1', AUTH: `Authorization: Bearer ${keys.all}`, ID: id };
  const asked = curls().map((words) => readCommand(words, variables));
  for (const { method, path, headers, body } of asked) {
    const given = body?.replace(/^@.*/, event).replace('acme', name);
    const answer = await call(method, path.replace('acme', name), {
      key: null,
      headers,
      ...(given === undefined ? {} : { body: given }),
    });
    expect(answer.status, `${method} ${path}: ${JSON.stringify(answer.body)}`).toBeLessThan(300);
  }
  const { paths } = (await call('GET', '/openapi.json')).body as { paths: Record<string, object> };
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const isShown = (route: string): boolean => {
    const pattern = new RegExp(`^${route.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}(?:\\?|$)`);
    return asked.some(({ method, path }) => pattern.test(`${method} ${path}`));
  };
  expect(routes.filter((route) => !isShown(route))).toEqual([]);
});
