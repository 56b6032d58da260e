import * as fc from 'fast-check';

/** How a body is written, and the headers that say so. */
interface Framed {
  readonly headers: readonly string[];
  readonly body: string;
}

/** Bytes that mean something to a reader, and some that do not. */
const TELLING = [...'\r\n\t \0\x01\x0b\x7f\xa0\xe9\xff:;,="09afgx-+().HT/1'];
const anyByte = fc.constantFrom(...TELLING);
const anyContent = fc.array(fc.oneof(anyByte, fc.constantFrom('\r\n', '0\r\n\r\n', 'HTTP/1.1 200 OK\r\n')), {
  maxLength: 20,
});

const anyExtension = fc.constantFrom('', '', '', ';a', ';a=b', ';a="b c"', ';a;b=c');
const anyChunk = fc.tuple(anyContent, anyExtension, fc.boolean()).map(([content, extension, wide]) => {
  const text = content.join('');
  const size = text.length.toString(16);
  return text === '' ? '' : `${wide ? `0${size.toUpperCase()}` : size}${extension}\r\n${text}\r\n`;
});
const anyTrailer = fc.constantFrom('', '', 'x-sum: 1\r\n', 'x-a:\r\nx-b: \xe9\r\n');
const anyCodings = fc.constantFrom('chunked', 'Chunked', 'gzip, chunked', 'a ,\tchunked', ', chunked');

const anyFramed: fc.Arbitrary<Framed> = fc.oneof(
  fc.tuple(anyContent, fc.nat(2)).map(([content, zeros]) => {
    const body = content.join('');
    return { headers: [`Content-Length: ${'0'.repeat(zeros)}${body.length}`], body };
  }),
  fc
    .tuple(fc.array(anyChunk, { maxLength: 4 }), anyExtension, anyTrailer, anyCodings)
    .map(([chunks, extension, trailer, codings]) => ({
      headers: [`transfer-encoding: ${codings}`],
      body: `${chunks.join('')}0${extension}\r\n${trailer}\r\n`,
    })),
  fc.tuple(anyContent, fc.constantFrom([], ['transfer-encoding: gzip'])).map(([content, headers]) => ({
    headers,
    body: content.join(''),
  })),
);

const anyStatus = fc.oneof(
  fc.constantFrom('200 OK', '204 No Content', '304 Not Modified', '500', '503 ', '429 \xdcberlastet\t!'),
  fc.integer({ min: 200, max: 999 }).map((status) => `${status} Text`),
);
const anyHeader = fc.constantFrom(
  'connection: keep-alive',
  'Connection: close',
  'keep-alive: timeout=5, max=100',
  'retry-after: 120',
  'x-a:',
  'x-b: \t b  c \t',
  'set-cookie: a=\xe9; b',
  'content-type: text/plain',
  'upgrade: h2c',
);
const anyInterim = fc.constantFrom(
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n',
  'HTTP/1.1 102\r\ncontent-length: 3\r\n\r\n',
);

/** A valid answer, as Latin-1, with nothing behind it unless its body ends with the connection. */
export const anyAnswer: fc.Arbitrary<string> = fc
  .record({
    before: fc.array(anyInterim, { maxLength: 2 }),
    emptyLines: fc.constantFrom('', '', '', '\r\n'),
    version: fc.constantFrom('1.1', '1.1', '1.1', '1.0'),
    status: anyStatus,
    headers: fc.array(anyHeader, { maxLength: 3 }),
    framed: anyFramed,
    framedFirst: fc.boolean(),
  })
  .map(({ before, emptyLines, version, status, headers, framed, framedFirst }) => {
    const all = framedFirst ? [...framed.headers, ...headers] : [...headers, ...framed.headers];
    const lines = [`HTTP/${version} ${status}`, ...all, '', ''];
    const body = /^(?:204|304)/.test(status) ? '' : framed.body;
    return before.join('') + emptyLines + lines.join('\r\n') + body;
  });

/** A change to a text. */
type Change = (text: string) => string;

/** In a text that goes from 0 to 1; everywhere alike, since most of it lies behind the status line. */
const anyPlace = fc.noBias(fc.nat(9_999)).map((place) => place / 10_000);

/** Texts that a reader may stumble over. */
const INSERTED = [
  '\r\n',
  '\n',
  '\r',
  '\r\n ',
  'content-length: 3\r\n',
  'transfer-encoding: chunked\r\n',
  'transfer-encoding: gzip\r\n',
  ' chunked',
  'a b: c\r\n',
  'x\r\n',
  '0\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\n',
];

const changeAt = (change: (text: string, at: number, byte: string) => string) =>
  fc.tuple(anyPlace, anyByte).map(
    ([place, byte]): Change =>
      (text) =>
        change(text, Math.floor(place * text.length), byte),
  );

const changeLines = (change: (lines: string[], one: number, other: number) => void) =>
  fc.tuple(anyPlace, anyPlace).map(
    ([one, other]): Change =>
      (text) => {
        const lines = text.split('\r\n');
        change(lines, Math.floor(one * lines.length), Math.floor(other * lines.length));
        return lines.join('\r\n');
      },
  );

const anyChange: fc.Arbitrary<Change> = fc.oneof(
  changeAt((text, at, byte) => text.slice(0, at) + byte + text.slice(at + 1)),
  changeAt((text, at, byte) => text.slice(0, at) + byte + text.slice(at)),
  changeAt((text, at) => text.slice(0, at) + text.slice(at + 1)),
  changeAt((text, at) => text.slice(0, at + 1) + text.slice(at)),
  changeAt((text, at) => text.slice(0, at)),
  changeLines((lines, one, other) => {
    [lines[one], lines[other]] = [lines[other] ?? '', lines[one] ?? ''];
  }),
  changeLines((lines, one) => lines.splice(one, 1)),
  changeLines((lines, one) => lines.splice(one, 0, lines[one] ?? '')),
  // A length, a size, a status or a version.
  fc.tuple(anyPlace, fc.constantFrom('0', '00', '1', '-1', '10', 'f', '099', '9'.repeat(15))).map(
    ([place, number]): Change =>
      (text) => {
        const numbers = [...text.matchAll(/[0-9a-f]+/gi)];
        const found = numbers[Math.floor(place * numbers.length)];
        if (found === undefined) return text;
        return text.slice(0, found.index) + number + text.slice(found.index + found[0].length);
      },
  ),
  fc.tuple(anyPlace, fc.constantFrom(...INSERTED)).map(
    ([place, inserted]): Change =>
      (text) => {
        const lines = text.split(/(?<=\r\n)/);
        lines.splice(Math.floor(place * (lines.length + 1)), 0, inserted);
        return lines.join('');
      },
  ),
);

/** A valid answer that was changed once or a few times, so that it may be none. */
export const changedAnswer: fc.Arbitrary<string> = fc
  .tuple(anyAnswer, fc.array(anyChange, { minLength: 1, maxLength: 3 }))
  .map(([answer, changes]) => changes.reduce((text, change) => change(text), answer));
