import { expect, test } from 'vitest';
import type { EventType } from '../../src/core/event-type.ts';
import { EVENT_TYPES } from '../../src/core/event-types.ts';
import { validatePayload } from '../../src/core/validate-payload.ts';
import { codeIn, readTopic } from './texts.ts';

const TYPES: readonly EventType[] = EVENT_TYPES;

/** The part of the text about each event type. */
const PARTS = new Map(
  readTopic('receivers')
    .split(/^#{2,3} /m)
    .map((part) => [part.split('\n', 1)[0] ?? '', part]),
);

test.each(TYPES)('receivers.md has the sample of $name as it is sent', (type) => {
  const [, json = '{}'] = /```json\n([\s\S]*?)```/.exec(PARTS.get(type.name) ?? '') ?? [];
  const valid = validatePayload(type, type.sample, undefined);
  expect(JSON.parse(json)).toEqual(valid.ok ? valid.payload : undefined);
});

test.each(TYPES)('receivers.md names every field of $name, apart by whether it is required', (type) => {
  const [, always = '', perhaps = ''] = (PARTS.get(type.name) ?? '').split(/^- /m);
  // The samples have every field.
  const sample = type.sample as Record<string, unknown>;
  const isRequired = (field: string): boolean => {
    const { [field]: _, ...others }: Record<string, unknown> = { ...sample };
    return !validatePayload(type, others, undefined).ok;
  };
  const fields = Object.keys(sample);
  expect(codeIn(always)).toEqual(expect.arrayContaining(fields.filter(isRequired)));
  const optional = fields.filter((field) => !isRequired(field));
  expect(codeIn(perhaps.split('```')[0] ?? '')).toEqual(expect.arrayContaining(optional));
});
