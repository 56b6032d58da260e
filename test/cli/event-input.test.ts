import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { findInput, GzipError, unpackGzip } from '../../src/cli/send/event-input.ts';
import { heapInUse } from '../fuzz/support/heap.ts';
import { testDirectory } from '../support/waybill-process.ts';

interface Unpacked {
  readonly bytes: Buffer;
  readonly error: unknown;
}

async function unpack(packed: Uint8Array, chunkBytes = 65_536): Promise<Unpacked> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < packed.length; at += chunkBytes) yield packed.subarray(at, at + chunkBytes);
  }
  const all: Uint8Array[] = [];
  let error: unknown;
  try {
    for await (const bytes of unpackGzip(chunks())) all.push(bytes);
  } catch (thrown) {
    error = thrown;
  }
  return { bytes: Buffer.concat(all), error };
}

const LINES = Buffer.from(
  Array.from({ length: 20_000 }, (_, n) => `{"n":${n},"x":${(n * 7919) % 10_007}}\n`).join(''),
);
const PACKED = gzipSync(LINES);
const MIB = 1024 * 1024;

test.each([7, 1_000, 65_536])('gzip data is unpacked, in chunks of %s', async (chunkBytes) => {
  const { bytes, error } = await unpack(PACKED, chunkBytes);
  expect(error).toBeUndefined();
  expect(bytes.equals(LINES)).toBe(true);
});

test('files that are put together, an empty one among them, are unpacked one after another', {
  timeout: 20_000,
}, async () => {
  for (const chunkBytes of [1, 65_536]) {
    const packed = Buffer.concat([gzipSync('a'), gzipSync(''), gzipSync('bc'), Buffer.alloc(100)]);
    expect(await unpack(packed, chunkBytes)).toEqual({ bytes: Buffer.from('abc'), error: undefined });
  }
});

test.each(['', '\u001f', '{"a":1}', '\u001f{', 'x'])('other data goes through: %j', async (text) => {
  for (const chunkBytes of [1, 65_536]) {
    expect(await unpack(Buffer.from(text), chunkBytes)).toEqual({
      bytes: Buffer.from(text),
      error: undefined,
    });
  }
});

test('gzip data behind the beginning of other data goes through, also in single bytes', async () => {
  const bytes = Buffer.concat([Buffer.from('{"a":1}\n'), gzipSync('a')]);
  for (const chunkBytes of [1, 3, 65_536]) {
    expect(await unpack(bytes, chunkBytes)).toEqual({ bytes, error: undefined });
  }
});

test('what comes before the end of data that is cut off is all unpacked', async () => {
  for (const cut of [1, 8, 9, 5_000]) {
    const { bytes, error } = await unpack(PACKED.subarray(0, -cut));
    expect(error).toBeInstanceOf(GzipError);
    expect((error as Error).message).toBe('the gzip data is cut off');
    expect(LINES.subarray(0, bytes.length).equals(bytes)).toBe(true);
    expect(bytes.length).toBeGreaterThan(cut < 9 ? LINES.length - 1 : LINES.length / 2);
  }
  expect(await unpack(PACKED.subarray(0, 5))).toMatchObject({ error: expect.any(GzipError) });
});

test('data that is damaged ends there', async () => {
  for (const at of [PACKED.length / 2, PACKED.length - 6]) {
    const damaged = Buffer.from(PACKED);
    damaged.fill(0xff, at, at + 4);
    const { bytes, error } = await unpack(damaged);
    expect(error).toMatchObject({ name: 'GzipError', message: 'the gzip data is damaged' });
    expect(bytes.length).toBeGreaterThan(LINES.length / 3);
  }
});

test('other data behind gzip data is not left out in silence', async () => {
  for (const rest of [Buffer.from('{"a":1}\n'), Buffer.from(`${'\0'.repeat(10_000)}{"a":1}\n`)]) {
    for (const chunkBytes of [10, PACKED.length, 65_536]) {
      const { bytes, error } = await unpack(Buffer.concat([PACKED, rest]), chunkBytes);
      expect(error).toMatchObject({ message: 'the gzip data is damaged' });
      expect(bytes.length).toBeGreaterThan(LINES.length / 2);
    }
  }
});

test('zeros may follow gzip data, and nothing may follow the zeros', async () => {
  const one = gzipSync('{"n":1}\n');
  for (const [rest, isDamage] of [
    [Buffer.alloc(64), false],
    [Buffer.alloc(5_000), false],
    [Buffer.concat([Buffer.alloc(64), one]), true],
    [Buffer.concat([Buffer.alloc(1), one]), true],
    [Buffer.concat([Buffer.alloc(5_000), one]), true],
    [Buffer.concat([one, Buffer.alloc(64), Buffer.from('x')]), true],
  ] as const) {
    for (const chunkBytes of [1, one.length, 65_536]) {
      const { bytes, error } = await unpack(Buffer.concat([one, rest]), chunkBytes);
      expect(error === undefined).toBe(!isDamage);
      if (isDamage) expect((error as Error).message).toBe('the gzip data is damaged');
      expect(bytes.toString()).toMatch(/^(\{"n":1\}\n){1,2}$/);
    }
  }
});

test('memory does not grow with the length of the data', { timeout: 60_000 }, async () => {
  const part = gzipSync(Buffer.alloc(8 * MIB), { level: 0 });
  async function* parts(): AsyncGenerator<Uint8Array> {
    for (let n = 0; n < 12; n++) yield part;
  }
  let unpacked = 0;
  let early = 0;
  let late = 0;
  for await (const bytes of unpackGzip(parts())) {
    unpacked += bytes.length;
    if (early === 0 && unpacked > 16 * MIB) early = heapInUse();
    if (late === 0 && unpacked > 90 * MIB) late = heapInUse();
  }
  expect(unpacked).toBe(96 * MIB);
  expect(late - early).toBeLessThan(2 * MIB);
});

test('who stops reading early is not held up', async () => {
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) yield PACKED;
  }
  for await (const bytes of unpackGzip(endless())) {
    expect(bytes.length).toBeGreaterThan(0);
    break;
  }
});

test('of a packed file the packed bytes are counted, as they are read', async () => {
  const file = join(testDirectory(), 'events.gz');
  writeFileSync(file, PACKED);
  const input = findInput(file);
  let read = 0;
  let unpacked = 0;
  const bytes = input.read(new AbortController().signal, (count) => {
    read += count;
  });
  for await (const some of bytes) unpacked += some.length;
  expect([input.size, read, unpacked]).toEqual([PACKED.length, PACKED.length, LINES.length]);
});

test('a signal ends the reading of a packed file without an error', async () => {
  const file = join(testDirectory(), 'events.gz');
  writeFileSync(file, Buffer.concat(Array.from({ length: 50 }, () => PACKED)));
  const stop = new AbortController();
  let unpacked = 0;
  for await (const some of findInput(file).read(stop.signal)) {
    unpacked += some.length;
    stop.abort();
  }
  expect(unpacked).toBeGreaterThan(0);
  expect(unpacked).toBeLessThan(50 * LINES.length);
});
