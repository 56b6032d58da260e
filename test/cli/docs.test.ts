import { expect, test } from 'vitest';
import { describeEvents } from '../../src/api/describe-events.ts';
import { receiverOpenApi } from '../../src/api/receiver-openapi.ts';
import { MADE_TOPICS, readTopic, TOPICS } from '../docs/texts.ts';
import { runWaybill } from '../support/waybill-process.ts';

test('docs lists the topics, a line each', async () => {
  const { code, stdout } = await runWaybill(['docs']);
  expect(code).toBe(0);
  const lines = stdout.split('\n');
  const names = [...TOPICS, ...MADE_TOPICS].sort();
  expect(lines.slice(0, names.length).map((line) => line.split(' ')[0])).toEqual(names);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  const listed = JSON.parse((await runWaybill(['docs', '--json'])).stdout);
  expect(listed[0]).toEqual({ topic: 'auth', summary: 'How requests are authorized and signed' });
  expect(listed).toHaveLength(names.length);
});

test('docs prints a topic, as text or as one JSON value', async () => {
  const text = readTopic('operating');
  expect(await runWaybill(['docs', 'operating'])).toMatchObject({ code: 0, stdout: text, stderr: '' });
  const { stdout } = await runWaybill(['docs', 'operating', '--json']);
  expect(JSON.parse(stdout)).toEqual({ topic: 'operating', text });
  expect((await runWaybill(['docs', 'config'])).stdout).not.toContain('<!--');
});

test('docs prints every event type, and an OpenAPI document of what receives them', async () => {
  const { code, stdout } = await runWaybill(['docs', 'events']);
  expect({ code, text: stdout.trimEnd() }).toEqual({ code: 0, text: describeEvents().trimEnd() });
  const document = await runWaybill(['docs', 'openapi-receiver']);
  expect(JSON.parse(document.stdout)).toEqual(receiverOpenApi());
});

test('docs prints the JSON Schema of the configuration, with --json on one line', async () => {
  const { code, stdout } = await runWaybill(['docs', 'schema']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ type: 'object', required: ['clients'] });
  const inOne = await runWaybill(['docs', 'schema', '--json']);
  expect(JSON.parse(inOne.stdout)).toEqual(JSON.parse(stdout));
  expect(inOne.stdout.trimEnd()).not.toContain('\n');
});

test('docs names the near miss of an unknown topic, with exit code 2', async () => {
  const { code, stdout, stderr } = await runWaybill(['docs', 'metric']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(
    /^waybill: there is no topic "metric"; there are: auth, .*: did you mean "metrics"\?\n$/,
  );
});
