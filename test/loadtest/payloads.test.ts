import { expect, test } from 'vitest';
import type { EventType } from '../../src/core/event-type.ts';
import { EVENT_TYPES, findEventType } from '../../src/core/event-types.ts';
import { seededRandom } from '../../src/core/random.ts';
import { validatePayload } from '../../src/core/validate-payload.ts';
import { createIdSource } from '../../src/intake/id-source.ts';
import { LatencyHistogram } from '../../src/loadtest/latency-histogram.ts';
import { createPayloads, generateTemplates, toTemplate } from '../../src/loadtest/payloads.ts';

test.each(EVENT_TYPES)(
  'payloads of $name are valid, each about a unit of its own that is marked as a test',
  (type) => {
    const random = seededRandom(7);
    const templates = [...generateTemplates(type as EventType, random, 50), templateOf(type, type.sample)];
    const newId = createIdSource();
    const next = createPayloads({
      shares: [{ weight: 1, templates }],
      runId: 'r',
      duplicates: 0,
      random,
      newId,
    });
    const events = Array.from({ length: 200 }, next);
    for (const [n, { unit, body, type: name }] of events.entries()) {
      expect(validatePayload(type as EventType, JSON.parse(body))).toMatchObject({ ok: true, unit });
      expect([name, unit]).toEqual([type.name, `LOADTEST-r-${n}`]);
    }
    expect(new Set(events.map(({ id }) => id)).size).toBe(200);
  },
);

function templateOf({ name }: (typeof EVENT_TYPES)[number], payload: unknown) {
  const made = toTemplate(findEventType(name as string) as EventType, payload);
  if (!made.ok) throw new Error(JSON.stringify(made.problems));
  return made.template;
}

test('a payload that breaks the contract is no template, even if only its unit is wrong', () => {
  const [type] = EVENT_TYPES;
  expect(toTemplate(type, { ...type.sample, optiturn_lp: '' })).toMatchObject({
    ok: false,
    problems: [{ path: '$.optiturn_lp' }],
  });
});

test('a payload with a number for text that would be sent in another spelling is no template', () => {
  const [type] = EVENT_TYPES;
  const text = JSON.stringify({ ...type.sample, upc: 1 }).replace('"upc":1', '"upc":1.0');
  expect(toTemplate(type, JSON.parse(text), { text })).toMatchObject({
    ok: false,
    problems: [{ path: '$.upc' }],
  });
});

test('a mix keeps its shares, and duplicates repeat earlier events with their ids', () => {
  const random = seededRandom(3);
  const [first, second] = EVENT_TYPES;
  const shares = [
    { weight: 80, templates: generateTemplates(first, random, 5) },
    { weight: 20, templates: generateTemplates(second, random, 5) },
  ];
  const next = createPayloads({ shares, runId: 'r', duplicates: 0.25, random, newId: createIdSource() });
  const events = Array.from({ length: 4_000 }, next);
  const ids = new Map(events.map((event) => [event.id, event]));
  expect(ids.size / 4_000).toBeCloseTo(0.75, 1);
  for (const event of events) expect(ids.get(event.id)?.body).toBe(event.body);
  expect([...ids.values()].filter(({ type }) => type === first.name).length / ids.size).toBeCloseTo(0.8, 1);
});

test('a histogram counts events that took a time or longer, to three digits', () => {
  const histogram = new LatencyHistogram();
  for (let ms = 1; ms <= 1_000; ms += 1) histogram.record(ms);
  expect(histogram.countAtOrAbove(0)).toBe(1_000);
  expect(histogram.countAtOrAbove(900)).toBe(101);
  expect(histogram.countAtOrAbove(1_100)).toBe(0);
  expect(histogram.percentileMs(50)).toBeCloseTo(500, -1);
  histogram.record(10_000_000);
  expect(histogram.countAtOrAbove(60_000)).toBe(1);
  expect([...histogram.steps()].at(-1)?.[1]).toBe(1_001);
});
