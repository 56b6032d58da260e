import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { describeEvents, EVENTS_HEADING } from '../../src/api/describe-events.ts';
import { receiverOpenApi } from '../../src/api/receiver-openapi.ts';
import type { EventType } from '../../src/core/event-type.ts';
import { EVENT_TYPES } from '../../src/core/event-types.ts';
import { generatePayload } from '../../src/core/generate-payload.ts';
import { seededRandom } from '../../src/core/random.ts';
import { lintOpenApi } from '../support/lint-openapi.ts';

const TYPES = EVENT_TYPES.map((type: EventType) => [type.name, type] as const);

interface Document {
  readonly paths: Readonly<Record<string, { post: { requestBody: unknown; responses: object } }>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const document = receiverOpenApi() as Document;

test('the text has a part for each event type, in 80 columns', () => {
  const text = describeEvents();
  expect(text).toMatch(new RegExp(`^# ${EVENTS_HEADING}\\n`));
  const parts = text.split('\n').filter((line) => line.startsWith('## '));
  expect(parts).toEqual(EVENT_TYPES.map(({ name }) => `## ${name}`));
  expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
});

test.each(TYPES)('the part of %s has the sample as it is sent, and each of its fields', (name, type) => {
  const part = describeEvents().split(`## ${name}\n`)[1]?.split('\n## ')[0] ?? '';
  const [, fields = '', json = ''] = /```text\n([\s\S]*?)```[\s\S]*```json\n([\s\S]*?)```/.exec(part) ?? [];
  const sent = type.schema.parse(type.sample);
  expect(JSON.parse(json)).toEqual(sent);
  const listed = [...fields.matchAll(/^ *(\w+)(?: \?)? {2,}/gm)].map(([, field]) => field);
  const names: string[] = [];
  JSON.stringify(sent, (key, value) => {
    if (key !== '' && !/^\d+$/.test(key)) names.push(key);
    return value;
  });
  expect(new Set(listed)).toEqual(new Set(names));
  expect(part).toContain(`POST ${type.path}`.replace('POST ', ''));
  expect(part).toContain(`\`${type.unitField}\``);
});

test('optional and nullable fields, closed and open lists, and objects without other fields are marked', () => {
  const text = describeEvents();
  for (const line of [
    /^from_sku \? +text$/m,
    /^tracking_number \? +text; or null$/m,
    /^carrier_payment_type \? +one of prepaid, collect; or null$/m,
    /^details_type +always unit$/m,
    /^ {2}shipment_items +list of objects: no other fields$/m,
    /^ {4}quantity +whole number from 1$/m,
    /^from_disposition +text: an open list, expect others; known:$/m,
    /^ {4}eligibility_flags \? +list of texts$/m,
  ]) {
    expect(text).toMatch(line);
  }
});

test.each(TYPES)('the OpenAPI document has the contract of %s as it is sent', (name, type) => {
  const ajv = new Ajv2020({ strict: true, allErrors: true, formats: { date: true } });
  const isSent = ajv.compile(document.components.schemas[name] ?? {});
  const random = seededRandom(4);
  for (let n = 0; n < 100; n += 1) {
    isSent(type.schema.parse(generatePayload(type, n, random)));
    expect(isSent.errors).toBeNull();
  }
  // A number is text by the time that it is sent.
  const sent = type.schema.parse(type.sample) as object;
  const field = Object.entries(sent).find(([, value]) => typeof value === 'string')?.[0];
  if (field !== undefined) expect(isSent({ ...sent, [field]: 7 })).toBe(false);
  const responses = document.paths[type.path]?.post.responses ?? {};
  expect(Object.keys(responses)[0]).toBe('200');
  expect('201' in responses).toBe(type.alreadyReceivedStatus !== undefined);
});

test('a public linter finds nothing in the OpenAPI document', async () => {
  const { problems, totals } = await lintOpenApi(document);
  expect(problems).toEqual([]);
  expect(totals).toMatchObject({ errors: 0, warnings: 0 });
});
