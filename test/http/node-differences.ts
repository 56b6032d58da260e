/** A kind of answers that we and Node's parser read differently, on purpose. */
export interface Difference {
  readonly name: string;
  /** Who gets less far with it, and what is wrong in its words; `none`: both take it, with another body. */
  readonly refusedBy: 'us' | 'Node' | 'none';
  readonly faults: readonly (string | undefined)[];
  /** What such an answer holds, somewhere. */
  readonly sign: RegExp;
  readonly example: string;
}

const OK = 'HTTP/1.1 200 OK\r\n';
const EMPTY = 'content-length: 0\r\n\r\n';
const CHUNKED = 'transfer-encoding: chunked\r\n\r\n';
const NO_STATUS_LINE = 'no status line of HTTP/1.1';
const NO_HEADER = 'a header that is none';
/** A coding or length with a tab among its blanks. */
const WITH_TAB = /^(?:content-length|transfer-encoding):[^\r\n]*\t/im;

const BROKEN_CHUNKS = [
  'a chunk without a size',
  'a chunk extension that is none',
  'a chunk that does not end where it should',
  'a line that does not end as in HTTP',
  'a trailer that is none',
  // They did not end.
  undefined,
];

const REFUSED_BY_US: readonly Omit<Difference, 'refusedBy'>[] = [
  {
    // They are framed otherwise, or not at all; no server answers HTTP/1.1 with them.
    name: 'a version or protocol that was not asked for',
    faults: [NO_STATUS_LINE],
    sign: /^(?:HTTP\/(?:0\.9|2\.0)|RTSP\/1\.0|ICE\/1\.0) /m,
    example: `HTTP/2.0 200 OK\r\n${EMPTY}`,
  },
  {
    // None is defined (RFC 9110, section 15): whether such an answer is final cannot be known.
    name: 'a status below 100',
    faults: [NO_STATUS_LINE],
    sign: /^HTTP\/1\.[01] 0\d\d/m,
    example: `HTTP/1.1 099 Text\r\n${EMPTY}`,
  },
  {
    // RFC 9112, section 4: they are not allowed there either, and Node refuses them in values.
    name: 'a control character in the reason',
    faults: [NO_STATUS_LINE, NO_HEADER],
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
    sign: /^HTTP\/1\.[01] \d{3} [^\r\n]*[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/m,
    example: `HTTP/1.1 200 O\0K\r\n${EMPTY}`,
  },
  {
    // Only CRLF ends a line (RFC 9112, section 2.2); Node takes a second carriage return for the line feed.
    name: 'carriage returns alone behind the reason',
    faults: [NO_STATUS_LINE, NO_HEADER],
    sign: /^HTTP\/1\.[01] \d{3}[^\r\n]*\r\r/m,
    example: `HTTP/1.1 200 OK\r\r${EMPTY}`,
  },
  {
    // Nobody asked for another protocol, so what follows is not what the request was answered with.
    name: '101 without an upgrade',
    faults: ['another protocol, which nobody asked for'],
    sign: /^HTTP\/1\.[01] 101/m,
    example: 'HTTP/1.1 101 Switching Protocols\r\n\r\n',
  },
  {
    // A number does not hold it, and nobody waits for 8 PiB.
    name: 'a length beyond 2^53',
    faults: ['a Content-Length that is no number of bytes'],
    sign: /^content-length: *\d{16,}/im,
    example: `${OK}content-length: 9007199254740992\r\n\r\n`,
  },
  {
    // The same with zeros in front, which nobody writes.
    name: 'a chunk size of more than 13 digits',
    faults: ['a chunk without a size'],
    sign: /^[0-9a-f]{14,}/im,
    example: `${OK}${CHUNKED}00000000000003\r\nabc\r\n0\r\n\r\n`,
  },
  {
    // Node leaves out of its 16 KiB what lies between names and values.
    name: 'a head of hardly more than 16 KiB',
    faults: ['headers beyond 16 KiB'],
    sign: /.{16000}/,
    example: `${OK}x-a: ${'y'.repeat(16_345)}\r\n${EMPTY}`,
  },
  {
    // Node takes the coding for another one (see below), and does not look for chunks.
    name: 'a tab behind a coding, and broken chunks',
    faults: BROKEN_CHUNKS,
    sign: WITH_TAB,
    example: `${OK}transfer-encoding: chunked\t\r\n\r\n3\r\nabcd\r\n0\r\n\r\n`,
  },
];

const REFUSED_BY_NODE: readonly Omit<Difference, 'refusedBy'>[] = [
  {
    // The final answer follows all the same, and with it whether the event was delivered.
    name: 'an interim answer after which the connection would close',
    faults: ['HPE_CLOSED_CONNECTION'],
    sign: /^HTTP\/1\.(?:0 1\d\d|1 1\d\d[^\r\n]*\r\n(?:[^\r\n]+\r\n)*?connection:[^\r\n]*close)/im,
    example: `HTTP/1.0 100 Continue\r\n\r\n${OK}${EMPTY}`,
  },
  {
    // Nobody reads it, it cannot hide an end of a line, and such blanks stand behind the sizes of some servers.
    name: 'an extension or blanks behind a chunk size that are not of its grammar',
    faults: ['HPE_STRICT', 'HPE_INVALID_CHUNK_SIZE'],
    sign: /^[0-9a-f]+[ \t;][^\r\n]*\r\n/im,
    example: `${OK}${CHUNKED}3  \r\nabc\r\n0; a="b\r\n\r\n`,
  },
  {
    // A trailer has no say in the length of the body (RFC 9110, section 6.5.1): it is read over as any other.
    name: 'a length in a trailer',
    faults: ['HPE_INVALID_CONTENT_LENGTH', 'HPE_UNEXPECTED_CONTENT_LENGTH'],
    sign: /\r\n0+(?:;[^\r\n]*)?\r\n(?:[^\r\n]+\r\n)*content-length:/i,
    example: `${OK}${CHUNKED}0\r\ncontent-length: 3\r\n\r\n`,
  },
  {
    // A tab is a blank as a space is (RFC 9110, section 5.6.3).
    name: 'a tab behind a length',
    faults: ['HPE_INVALID_CONTENT_LENGTH'],
    sign: WITH_TAB,
    example: `${OK}content-length: 3\t\r\n\r\nabc`,
  },
];

/** All there are. */
export const DIFFERENCES: readonly Difference[] = [
  ...REFUSED_BY_US.map((each) => ({ ...each, refusedBy: 'us' as const })),
  ...REFUSED_BY_NODE.map((each) => ({ ...each, refusedBy: 'Node' as const })),
  {
    // As behind a length; Node takes the coding for another one, and reads on until the connection ends.
    name: 'a tab behind a coding',
    refusedBy: 'none',
    faults: [undefined],
    sign: WITH_TAB,
    example: `${OK}transfer-encoding: chunked\t\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
  },
];
