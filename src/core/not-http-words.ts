import { TLS_WORDS } from './tls-cause.ts';

/*
 * Why an answer is none, in words, by what undici 7.30.2 and its parser, llhttp, say. `came`: the bytes that came last,
 * a character for each.
 */

const NO_STATUS_LINE = 'Expected HTTP/, RTSP/ or ICE/';

/**
 * What undici 7.30.2 does not read, by the error's code. UND_ERR_SOCKET alone is told apart by its message: undici
 * closed the connection, or else the other side did.
 */
const NOT_HTTP: Readonly<Record<string, string>> = {
  UND_ERR_HEADERS_OVERFLOW: 'headers beyond 64 KiB',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'headers that cannot be read',
  'UND_ERR_SOCKET bad response': 'an interim answer that is none',
  'UND_ERR_SOCKET bad upgrade': 'another protocol, which nobody asked for',
};

/** What llhttp's reasons mean, as undici hands them on. */
const PARSER_WORDS: Readonly<Record<string, string>> = {
  "Content-Length can't be present with Transfer-Encoding": 'Content-Length and Transfer-Encoding together',
  "Transfer-Encoding can't be present with Content-Length": 'Content-Length and Transfer-Encoding together',
  'Duplicate Content-Length': 'two headers Content-Length',
  'Invalid character in Content-Length': 'a Content-Length that is no number',
  'Empty Content-Length': 'a Content-Length that is no number',
  'Content-Length overflow': 'a Content-Length that is no number',
  'Unexpected whitespace after header value': 'a header folded over two lines',
  'Invalid header token': 'a header without a colon, or with a character that no name has',
  'Invalid header value char': 'a header with a character that no value has',
  'Missing expected CR after response line': 'a bare LF at the end of a line',
  'Missing expected CR after header value': 'a bare LF at the end of a line',
  'Missing expected LF after header value': 'a bare CR in a header',
  'Invalid header field char': 'a bare LF at the end of the headers',
  [NO_STATUS_LINE]: 'no status line: HTTP/0.9, or not HTTP at all',
  'Invalid status code': 'a status that is no number of three digits',
  'Invalid response status': 'a status that is no number of three digits',
  'Expected space after version': 'a status line without a status',
  'Invalid HTTP version': 'a version of HTTP that there is not',
};

/** Headers that undici takes for a body of the wrong length: what is wrong with them, and how it shows. */
const HEAD_FAULTS: ReadonlyArray<readonly [words: string, pattern: RegExp]> = [
  ['Content-Length and Transfer-Encoding together', /^transfer-encoding[ \t]*:/im],
  ['two headers Content-Length', /^content-length[ \t]*:[\s\S]*^content-length[ \t]*:/im],
  ['a header folded over two lines', /\n[ \t]/],
  ['a header without a colon', /\n[^:\r\n]+\r?\n/],
  ['a bare LF at the end of a line', /[^\r]\n/],
];

/** What a code of undici's says of the answer; undefined: it is not about that. */
export function notHttpWords(code: string, message: string, came: string | undefined): string | undefined {
  const words = NOT_HTTP[code === 'UND_ERR_SOCKET' ? `${code} ${message}` : code];
  // undici compares the lengths before it tells of anything else.
  if (code !== 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' || came === undefined) return words;
  const end = came.indexOf('\r\n\r\n');
  const head = end === -1 ? came : came.slice(0, end + 2);
  return HEAD_FAULTS.find(([, pattern]) => pattern.test(head))?.[0] ?? words;
}

/** What comes instead of a status line. */
function otherProtocol(came: string): string | undefined {
  // A record of TLS (RFC 8446, section 5.1).
  if (came.startsWith('\x15\x03') || came.startsWith('\x16\x03')) {
    return TLS_WORDS.tls_expected;
  }
  // SETTINGS of stream 0 (RFC 9113, section 4.1).
  if (came[3] === '\x04' && came.slice(5, 9) === '\0\0\0\0') return 'HTTP/2';
  return came.startsWith('SSH-') ? 'SSH' : undefined;
}

/** What a reason of llhttp's means; undefined: there are no words for it. */
export function parserWords(reason: string | undefined, came: string | undefined): string | undefined {
  if (reason === undefined) return 'no answer';
  const other = reason === NO_STATUS_LINE && came !== undefined ? otherProtocol(came) : undefined;
  return other ?? PARSER_WORDS[reason];
}
