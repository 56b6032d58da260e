import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ReadPayload, readPayloads } from '../../src/intake/read-payloads.ts';
import { type Piece, splitPayloads } from '../../src/intake/split-payloads.ts';
import { UnreadBytes } from '../../src/intake/unread-bytes.ts';

async function read(...chunks: (string | Uint8Array)[]): Promise<ReadPayload[]> {
  async function* source(): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const all: ReadPayload[] = [];
  for await (const payloads of readPayloads(source())) all.push(...payloads);
  return all;
}

/** What was read, each as `line: payload` or `line! problem`. */
async function summary(...chunks: (string | Uint8Array)[]): Promise<string[]> {
  return (await read(...chunks)).map((item) =>
    'payload' in item ? `${item.line}: ${JSON.stringify(item.payload)}` : `${item.line}! ${item.problem}`,
  );
}

const MIB = 1024 * 1024;

test('NDJSON holds a payload on each line; blank lines are skipped', async () => {
  expect(await summary('{"a":1}\n\n  \n{"a":2}\n{"a":3}')).toEqual([
    '1: {"a":1}',
    '4: {"a":2}',
    '5: {"a":3}',
  ]);
});

test('a leading byte order mark and CRLF are not part of the payloads', async () => {
  expect(await summary('\ufeff{"a":1}\r\n\r\n{"a":2}\r\n')).toEqual(['1: {"a":1}', '3: {"a":2}']);
});

test('a byte order mark may be split over chunks', async () => {
  expect(await summary(Buffer.of(0xef), Buffer.of(0xbb), Buffer.of(0xbf), '[{"a":1}]')).toEqual([
    '1: {"a":1}',
  ]);
});

test('empty input, blank lines and an empty array hold no payload', async () => {
  expect(await summary()).toEqual([]);
  expect(await summary('')).toEqual([]);
  expect(await summary('\n  \n')).toEqual([]);
  expect(await summary('[]')).toEqual([]);
});

test('one object is read, on one line or over several', async () => {
  expect(await summary('{"a":{"b":"}"}}')).toEqual(['1: {"a":{"b":"}"}}']);
  expect(await summary('\n{\n  "a": {\n    "b": "{[\\"]"\n  }\n}\n')).toEqual(['2: {"a":{"b":"{[\\"]"}}']);
});

test('objects that span lines are read one after another', async () => {
  expect(await summary('{\n "a": 1\n}\n{\n "a": 2\n} {"a": 3}')).toEqual([
    '1: {"a":1}',
    '4: {"a":2}',
    '6: {"a":3}',
  ]);
});

test('several objects on one line are read, on the first line and on later ones', async () => {
  expect(await summary('{"a":1}{"a":2} {"a":"}{"}\n{"a":3}\n{"a":4}{"a":5}\t{"a":6}\n')).toEqual([
    '1: {"a":1}',
    '1: {"a":2}',
    '1: {"a":"}{"}',
    '2: {"a":3}',
    '3: {"a":4}',
    '3: {"a":5}',
    '3: {"a":6}',
  ]);
  expect(await summary('{"a":1}{\n"a": 2\n}{"a":3}')).toEqual(['1: {"a":1}', '1: {"a":2}', '3: {"a":3}']);
});

test('an object that is not JSON does not stop the other objects of its line', async () => {
  expect(await summary('{"a":1}{"a":}{"a":3}\n{"a":4}{"a":\n{"a":6}')).toEqual([
    '1: {"a":1}',
    expect.stringMatching(/^1! is not JSON: /),
    '1: {"a":3}',
    '2: {"a":4}',
    '2! is not JSON: its end is missing',
    '3: {"a":6}',
  ]);
});

test('a line that holds anything but objects is refused as a whole', async () => {
  for (const line of ['{"a":1}x', '{"a":1},{"a":2}', '{"a":1}}{"a":2}', '{"a":1}[5]', 'x{"a":1}']) {
    expect(await summary(`{"a":0}\n${line}\n{"a":3}`)).toEqual([
      '1: {"a":0}',
      expect.stringMatching(/^2! is not JSON: /),
      '3: {"a":3}',
    ]);
  }
});

test('the objects of a line longer than 1 MiB are read one by one', async () => {
  const count = 2_000;
  const line = Array.from({ length: count }, (_, n) => `{"n":${n},"x":"${'x'.repeat(1_000)}"}`).join('');
  const expected = Array.from({ length: count }, (_, n) => n);
  for (const [text, lines] of [
    [line, [1, 1]],
    [`{"n":-1}\n${line}\n{"n":-2}`, [2, 3]],
  ] as const) {
    const items = await read(...chunksOf(Buffer.from(text), 60_000));
    const numbers = items.map((item) => ('payload' in item ? (item.payload as { n: number }).n : -3));
    expect(numbers.filter((n) => n !== -1 && n !== -2)).toEqual(expected);
    expect([items[count]?.line ?? 1, items.at(-1)?.line]).toEqual(lines);
  }
});

function chunksOf(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
    bytes.subarray(n * size, (n + 1) * size),
  );
}

test('record separators between payloads are skipped (RFC 7464)', async () => {
  const expected = ['1: {"a":1}', '2: {"a":2}', '4: {"a":3}'];
  expect(await summary('\x1e{"a":1}\n\x1e{"a":2}\n\x1e\n\x1e\x1e{"a":3}\n')).toEqual(expected);
  expect(await summary('\x1e{\n"a":1}\n\x1e{"a":\n2}\x1e{"a":3}')).toEqual([
    '1: {"a":1}',
    '3: {"a":2}',
    '4: {"a":3}',
  ]);
  expect(await summary('{"a":1}\x1e{"a":2}\x1e\n{"a":3}\x1e')).toEqual([
    '1: {"a":1}',
    '1: {"a":2}',
    '2: {"a":3}',
  ]);
});

test('byte order marks between payloads are skipped, as concatenated files have them', async () => {
  const one = '\ufeff{"a":1}\n';
  expect(await summary(`${one}${one}${one}`)).toEqual(['1: {"a":1}', '2: {"a":1}', '3: {"a":1}']);
  expect(await summary('\ufeff{"a":1}\ufeff{"a":2}\n\ufeff\n')).toEqual(['1: {"a":1}', '1: {"a":2}']);
  const pretty = '\ufeff[\n{"a":1}\n]';
  expect(await summary(pretty + pretty)).toEqual(['2: {"a":1}', '4: {"a":1}']);
  expect(await summary('{\n"a":1\n}\n\ufeff{\n"a":2\n}')).toEqual(['1: {"a":1}', '4: {"a":2}']);
});

test('the elements of an array are read, in any layout', async () => {
  expect(await summary('[{"a":1},{"a":[2,{}]}]')).toEqual(['1: {"a":1}', '1: {"a":[2,{}]}']);
  expect(await summary('[\n  {\n    "a": 1\n  },\n  5,\n  "x,]"\n]\n')).toEqual([
    '2: {"a":1}',
    '5: 5',
    '6: "x,]"',
  ]);
  expect(await summary('[\n{"a":1}\n]\n[\n{"a":2}\n]')).toEqual(['2: {"a":1}', '5: {"a":2}']);
});

test('a line that is not JSON does not stop the lines after it', async () => {
  expect(await summary('{"a":1}\n{"a":\n{"a":3}\nnonsense\n{"a":5}')).toEqual([
    '1: {"a":1}',
    expect.stringMatching(/^2! is not JSON: /),
    '3: {"a":3}',
    expect.stringMatching(/^4! is not JSON: /),
    '5: {"a":5}',
  ]);
});

test('the lines after a broken first line are read as NDJSON', async () => {
  const rest = ['2: {"a":2}', '3: {"a":3}'];
  for (const first of ['{"a":', '{"a":"x', '{"a":1}}', 'x', '"x', '5 6']) {
    const [problem, ...others] = await summary(`${first}\n{"a":2}\n{"a":3}`);
    expect(problem).toMatch(/^1! is not JSON: /);
    expect(others).toEqual(rest);
  }
});

test('an element that is not JSON does not stop the elements after it', async () => {
  const lines = ['[', '{"a":1},', '{a:2},', '{"a":3,},', '{"a":04},', '{"a":5}', ']'];
  expect(await summary(lines.join('\n'))).toEqual([
    '2: {"a":1}',
    expect.stringMatching(/^3! is not JSON: /),
    expect.stringMatching(/^4! is not JSON: /),
    expect.stringMatching(/^5! is not JSON: /),
    '6: {"a":5}',
  ]);
});

test('a missing quote costs one element of an array that is laid out over lines', async () => {
  expect(await summary('[\n{"a":"1},\n{"a":2},\n{"a":3}\n]')).toEqual([
    expect.stringMatching(/^2! is not JSON: a text holds a line break/),
    '3: {"a":2}',
    '4: {"a":3}',
  ]);
  expect(await summary('[\n  {\n    "a": "1\n  }\n  , {\n    "a": 2\n  }\n]')).toEqual([
    expect.stringMatching(/^2! is not JSON: a text holds a line break/),
    '5: {"a":2}',
  ]);
});

test('a comma without an element before it is reported with its line', async () => {
  expect(await summary('[{"a":1},,\n{"a":2},]')).toEqual([
    '1: {"a":1}',
    expect.stringMatching(/^1! is missing/),
    '2: {"a":2}',
    expect.stringMatching(/^2! is missing/),
  ]);
});

test('input that ends within a payload or an array is reported', async () => {
  expect(await summary('[\n{"a":1},\n{"a":')).toEqual(['2: {"a":1}', '3! is not JSON: its end is missing']);
  expect(await summary('[\n{"a":1},\n{"a":2}\n')).toEqual([
    '2: {"a":1}',
    '3: {"a":2}',
    '4! the input ends before the array is closed with "]"',
  ]);
  expect(await summary('{\n  "a": 1\n')).toEqual(['1! is not JSON: its end is missing']);
});

test('text after an array is reported, and the payloads after it are read', async () => {
  expect(await summary('[{"a":1}]\nnonsense\n{"a":2}')).toEqual([
    '1: {"a":1}',
    expect.stringMatching(/^2! is not JSON/),
    '3: {"a":2}',
  ]);
});

test('a payload longer than 1 MiB is refused, and the next one is read', async () => {
  const long = `{"a":"${'x'.repeat(MIB)}"}`;
  const fits = `{"a":"${'x'.repeat(MIB - 8)}"}`;
  const rest = [1, 2].map(() => expect.stringMatching(/^\d: /));
  expect(await summary(`{"a":0}\n${long}\n${fits}`)).toEqual([rest[0], '2! is longer than 1 MiB', rest[1]]);
  expect(await summary(`[{"a":0},\n${long},\n${fits}]`)).toEqual([
    rest[0],
    '2! is longer than 1 MiB',
    rest[1],
  ]);
});

test('a line of 256 MiB is refused and not kept in memory', async () => {
  const found: Piece[] = [];
  const splitting = splitPayloads(new UnreadBytes(), found);
  splitting.next();
  const chunk = Buffer.alloc(MIB, 'x');
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 256; i++) splitting.next(Buffer.from(chunk));
  splitting.next();
  expect(found).toEqual([{ line: 1, problem: 'is longer than 1 MiB' }]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(128 * MIB);
});

/** The input in chunks of one byte each. */
function* bytewise(text: string): Generator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at++) yield bytes.subarray(at, at + 1);
}

test.each([
  [
    'a first line longer than 1 MiB',
    `{"a":"${'x'.repeat(MIB)}"}\n{"a":1}`,
    ['1! is longer than 1 MiB', '2: {"a":1}'],
  ],
  ['1 MiB of blanks', `${' '.repeat(MIB)}\n{"a":1}`, ['2: {"a":1}']],
  ['an array element of 512 KiB', `["${'x'.repeat(MIB / 2)}"]`, [`1: "${'x'.repeat(MIB / 2)}"`]],
])('%s in chunks of one byte takes less than 32 MiB', { timeout: 60_000 }, (_name, text, expected) => {
  const found: Piece[] = [];
  const splitting = splitPayloads(new UnreadBytes(), found);
  splitting.next();
  const before = process.memoryUsage().arrayBuffers;
  for (const chunk of bytewise(text)) splitting.next(chunk);
  const during = process.memoryUsage().arrayBuffers;
  splitting.next();
  const shown = found.map((piece) =>
    'problem' in piece ? `${piece.line}! ${piece.problem}` : `${piece.line}: ${Buffer.from(piece.bytes)}`,
  );
  expect(shown).toEqual(expected);
  expect(during - before).toBeLessThan(32 * MIB);
});

test('a payload has its JSON as source only if that may hold odd numbers', async () => {
  expect(await read('{"n":1.0}\n{"n":1}')).toEqual([
    { line: 1, payload: { n: 1 }, source: { text: '{"n":1.0}' } },
    { line: 2, payload: { n: 1 } },
  ]);
  expect(await read('[{"n":1},\n{"n":-5}]')).toEqual([
    { line: 1, payload: { n: 1 } },
    { line: 2, payload: { n: -5 }, source: { text: '{"n":-5}' } },
  ]);
});

test('the reason that a line is not JSON is short and holds no control characters', async () => {
  const [item] = await read(`{"a":"\u001b[2J\u009b\u202e${'x'.repeat(10_000)}`);
  const { problem } = item as { problem: string };
  expect(problem).toMatch(/^is not JSON: /);
  expect(problem).not.toMatch(/[\p{Cc}\u202e]/u);
  expect(problem.length).toBeLessThan(400);
});

test('a line that is not UTF-8 is refused, and the next one is read', async () => {
  const bytes = Buffer.concat([Buffer.from('{"a":"'), Buffer.of(0xff), Buffer.from('"}\n{"a":"é"}')]);
  expect(await summary(bytes)).toEqual(['1! is not valid UTF-8', '2: {"a":"é"}']);
});

describe('input in UTF-16 or UTF-32 is refused with one problem', () => {
  const problem = ['1! the input is UTF-16 or UTF-32: save it as UTF-8'];
  const little = (text: string) => Buffer.from(text, 'utf16le');
  const big = (text: string) => little(text).swap16();
  const wide = (text: string) =>
    Buffer.from(Uint32Array.from(text, (each) => each.codePointAt(0) ?? 0).buffer);

  test.each([
    ['little-endian', little],
    ['big-endian', big],
    ['UTF-32', wide],
  ])('%s, with and without a byte order mark', async (_name, encode) => {
    for (const text of ['{"a":1}\r\n{"a":2}\r\n', '[\n{"a":1}\n]', '\n\n{"a":1}', '{}', 'x,y\nz']) {
      expect(await summary(encode(`\ufeff${text}`))).toEqual(problem);
      expect(await summary(encode(text))).toEqual(problem);
      expect(await summary(...chunksOf(encode(text), 1))).toEqual(problem);
    }
  });

  test('other input is not taken for UTF-16 or UTF-32', async () => {
    for (const start of [[0, 0, 0, 0], [0xff, 0xff], [0xff], [0xfe]]) {
      const [first, ...others] = await summary(Buffer.from([...start, 0x0a]), '{"a":2}');
      expect(first).toMatch(/^1! is not (?:JSON|valid UTF-8)/);
      expect(others).toEqual(['2: {"a":2}']);
    }
    expect(await summary('{')).toEqual([expect.stringMatching(/^1! is not JSON/)]);
    expect(await summary('{}')).toEqual(['1: {}']);
  });
});

test('a payload keeps a key named __proto__; the last of two equal keys counts', async () => {
  const [item] = await read('{"__proto__":{"x":1},"a":1,"a":2}');
  expect(item).toMatchObject({ payload: { a: 2 } });
  expect(Object.keys((item as { payload: object }).payload)).toEqual(['__proto__', 'a']);
});

/** Cuts bytes into chunks at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1], end));
}

const places = fc.array(fc.nat(), { maxLength: 12 });
const payloads = fc.array(
  fc
    .dictionary(fc.string({ unit: 'binary' }), fc.jsonValue(), { minKeys: 1 })
    .map((value) => JSON.parse(JSON.stringify(value)) as unknown),
  { minLength: 1, maxLength: 8 },
);
const blanks = fc.constantFrom('', ' ', '\n', '\r\n', '\n\t ');

test('random payloads are read back unchanged in every layout, with random chunks', async () => {
  const layouts = fc.constantFrom('lines', 'one line', 'sequence', 'array', 'pretty array', 'pretty objects');
  await fc.assert(
    fc.asyncProperty(payloads, layouts, blanks, places, async (values, layout, blank, cuts) => {
      const texts = values.map((value) => JSON.stringify(value, null, layout.startsWith('pretty') ? 2 : 0));
      const text = layout.endsWith('array')
        ? `[${blank}${texts.join(`${blank},${blank}`)}${blank}]${blank}`
        : texts
            .map((each) => (layout === 'sequence' ? `\x1e${each}` : each))
            .join(layout === 'one line' ? '' : '\n');
      const items = await read(...cut(Buffer.from(text), cuts));
      expect(items.map((item) => 'payload' in item && item.payload)).toEqual(values);
      for (const [i, { line }] of items.entries()) {
        const first = JSON.stringify(values[i], null, layout.startsWith('pretty') ? 2 : 0).split('\n')[0];
        expect(text.split('\n')[line - 1]).toContain(first);
      }
    }),
    { numRuns: 300 },
  );
});

test('random input gives the same result in one chunk and in random chunks', async () => {
  const token = fc.constantFrom(
    ...'{}[],:"\\\n \r'.split(''),
    '{"a":1}',
    '"x"',
    'é',
    '\ufeff',
    '\x1e',
    '}{',
    '5',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(token, { maxLength: 40 }), places, async (tokens, cuts) => {
      const bytes = Buffer.from(tokens.join(''));
      expect(await summary(...cut(bytes, cuts))).toEqual(await summary(bytes));
    }),
    { numRuns: 1_000 },
  );
});
