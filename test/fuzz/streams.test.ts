import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { dispositionUpdate } from '../../src/core/event-types/disposition-update.ts';
import { inventoryReceipt } from '../../src/core/event-types/inventory-receipt.ts';
import { generatePayload } from '../../src/core/generate-payload.ts';
import { seededRandom } from '../../src/core/random.ts';
import { type ReadPayload, readPayloads } from '../../src/intake/read-payloads.ts';
import { SEED, TIMEOUT_MS, TIMES } from './support/fuzz-runs.ts';
import { heapInUse } from './support/heap.ts';
import { pick, type Random } from './support/odd-values.ts';
import { isSentence } from './support/readable.ts';

const STREAMS = 1_000 * TIMES;
const LINES = 40;
const MIB = 1024 * 1024;

async function read(bytes: Uint8Array, random: Random): Promise<ReadPayload[]> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let from = 0; from < bytes.length; ) {
      const to = from + 1 + Math.floor(random() ** 3 * 20_000);
      yield bytes.subarray(from, to);
      from = to;
    }
  }
  const items: ReadPayload[] = [];
  for await (const some of readPayloads(chunks())) items.push(...some);
  return items;
}

function sampleText(random: Random): string {
  const n = Math.floor(random() * 1_000);
  const type = random() < 0.5 ? dispositionUpdate : inventoryReceipt;
  return JSON.stringify(generatePayload(type, n, random));
}

const SCRAPS: readonly string[] = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '\\u',
  '\\ud800',
  '\\u0000',
  '\u0000',
  '\u001b[2J',
  '\ufeff',
  '\u001e',
  '}{',
  'é',
  '1e400',
  '-0',
  '9007199254740993',
  '"__proto__":{"polluted":1},',
  '"a":1,"a":2,',
  'NaN',
  'Infinity',
  "'",
  '//',
  '\r',
  '\t',
  '\v',
  '[[[['.repeat(500),
  '{"a":'.repeat(2_000),
  ' '.repeat(500),
  '\u202e',
  '\u2028',
  '0x1',
  '01',
  '.5',
  'tru',
  'null',
];
const BROKEN_BYTES: readonly (readonly number[])[] = [
  [0xff],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xf5, 0x80, 0x80, 0x80],
  [0xe2, 0x82],
  [0x80],
  [0xfe, 0xff],
  [0x00, 0x7b],
];

/** Cuts something out of a text, or puts something in, once or a few times. */
function damage(text: Uint8Array, scraps: readonly Uint8Array[], random: Random): Uint8Array {
  let bytes = text;
  for (let cut = Math.floor(random() * 3); cut >= 0; cut--) {
    const at = Math.floor(random() * (bytes.length + 1));
    const skip = random() < 0.5 ? 0 : Math.floor(random() ** 2 * 60);
    const scrap = random() < 0.7 ? pick(scraps, random) : new Uint8Array();
    bytes = Buffer.concat([bytes.subarray(0, at), scrap, bytes.subarray(at + skip)]);
  }
  return bytes;
}

const scraps: readonly Uint8Array[] = [
  ...SCRAPS.map((text) => Buffer.from(text)),
  ...BROKEN_BYTES.map((bytes) => Uint8Array.from(bytes)),
];

/** A line as JSON.parse takes it; undefined where it does not. */
function parsed(line: Uint8Array): { payload: unknown } | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(line);
    return { payload: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** What a line holds behind blanks, record separators and the bytes of byte order marks. */
function core(line: Uint8Array): Uint8Array {
  const between = Buffer.from(' \t\r\u001e\ufeff');
  const first = line.findIndex((byte) => !between.includes(byte));
  return first === -1 ? new Uint8Array() : line.subarray(first);
}

/** Whether an object stands in a line, from one of its braces to another. */
function holds(line: Uint8Array, payload: unknown): boolean {
  const bytes = Buffer.from(line);
  for (let start = bytes.indexOf('{'); start !== -1; start = bytes.indexOf('{', start + 1)) {
    for (let end = bytes.indexOf('}', start); end !== -1; end = bytes.indexOf('}', end + 1)) {
      const found = parsed(bytes.subarray(start, end + 1));
      if (found !== undefined && isDeepStrictEqual(found.payload, payload)) return true;
    }
  }
  return false;
}

function expectLine(items: readonly ReadPayload[], line: Uint8Array, number: number): void {
  const [first] = items;
  if (first === undefined) throw new Error(`line ${number} has no item`);
  const expected = parsed(core(line));
  if (expected !== undefined && (items.length > 1 || 'problem' in first)) {
    expect.fail(`line ${number} came out as ${JSON.stringify(items)}`);
  }
  for (const item of items) {
    if (!('payload' in item)) {
      if (!isSentence(item.problem)) expect.fail(`no sentence: ${JSON.stringify(item.problem)}`);
    } else if (!isDeepStrictEqual(item.payload, expected?.payload) && !holds(line, item.payload)) {
      expect.fail(`line ${number} came out as ${JSON.stringify(item.payload)}`);
    }
  }
}

test('NDJSON: whatever a line holds, it is read as it is or refused, and the others are what they were', {
  timeout: TIMEOUT_MS,
}, async () => {
  const random = seededRandom(SEED);
  let refused = 0;
  let early = 0;
  for (let stream = 0; stream < STREAMS; stream++) {
    const lines: Uint8Array[] = Array.from({ length: LINES }, () => {
      if (random() < 0.05) return Buffer.from(pick(['', ' ', '\t  '], random));
      const text = Buffer.from(sampleText(random));
      return random() < 0.5
        ? text
        : Buffer.from(damage(text, scraps, random).filter((byte) => byte !== 0x0a));
    });
    // The first line tells the layout: a whole one says that there is a payload a line.
    lines[0] = Buffer.from(sampleText(random));
    const ends = random() < 0.5 ? '\n' : '\r\n';
    const items = await read(Buffer.concat(lines.flatMap((line) => [line, Buffer.from(ends)])), random);
    const filled = [...lines.entries()].filter(([, line]) => core(line).length > 0);
    for (const [at, line] of filled) {
      expectLine(
        items.filter((item) => item.line === at + 1),
        line,
        at + 1,
      );
    }
    expect(new Set(items.map(({ line }) => line)).size).toBe(filled.length);
    refused += items.filter((item) => 'problem' in item).length;
    if (stream === 100) early = heapInUse();
  }
  expect(refused).toBeGreaterThan(STREAMS * 5);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  expect(heapInUse() - early).toBeLessThan(16 * MIB);
});

test('any layout, damaged anywhere: all is read or refused, in the order of its lines', {
  timeout: TIMEOUT_MS,
}, async () => {
  const random = seededRandom(SEED + 1);
  let whole = 0;
  for (let stream = 0; stream < STREAMS; stream++) {
    const texts = Array.from({ length: 6 }, () =>
      JSON.stringify(JSON.parse(sampleText(random)), null, pick([0, 2], random)),
    );
    const text = pick(
      [`[${texts.join(',')}]`, `[\n${texts.join(',\n')}\n]`, texts.join('\n'), `\ufeff${texts.join('\r\n')}`],
      random,
    );
    const bytes = damage(Buffer.from(text), [...scraps, Buffer.from('\n')], random);
    const items = await read(bytes, random);
    let last = 1;
    for (const item of items) {
      if (item.line < last) expect.fail(`line ${item.line} comes after line ${last}`);
      last = item.line;
      if ('problem' in item && !isSentence(item.problem))
        expect.fail(`no sentence: ${JSON.stringify(item.problem)}`);
    }
    expect(last).toBeLessThanOrEqual(bytes.filter((byte) => byte === 0x0a).length + 1);
    expect(items.length).toBeGreaterThan(0);
    whole += items.filter((item) => 'payload' in item).length;
  }
  // One slip costs what it is in, seldom all.
  expect(whole).toBeGreaterThan(STREAMS * 3);
});
