import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { util } from 'undici';
import { type Answer, KEPT_HEADERS, type KeptHeaders } from '../core/attempt-result.ts';
import { quoteText } from '../core/quote-text.ts';

/** The headers of an answer, by their names in lower case. */
export class AnswerHeaders {
  readonly #fields: Readonly<Record<string, string | string[] | undefined>>;

  /** @param raw names and values in turns */
  constructor(raw: Buffer[]) {
    this.#fields = util.parseHeaders(raw);
  }

  all(name: string): string[] {
    return [this.#fields[name] ?? []].flat().map((value) => value.trim());
  }

  first(name: string): string | undefined {
    return this.all(name)[0];
  }

  /** How the body is packed; undefined: it is not. */
  get coding(): string | undefined {
    const coding = this.all('content-encoding').join(', ').toLowerCase();
    return coding === '' || coding === 'identity' ? undefined : coding;
  }
}

const CONTENT_TYPE = 'content-type';
const HTML = 'text/html';

/**
 * Whether an answer says that it is a web page. It is asked of every delivery, and so looks at lengths, and at one
 * letter of the value, before it reads a text.
 *
 * @param raw names and values of its headers in turns
 */
export function isWebPage(raw: readonly Buffer[]): boolean {
  for (let at = 0; at + 1 < raw.length; at += 2) {
    if (raw[at]?.length !== CONTENT_TYPE.length) continue;
    const value = raw[at + 1] as Buffer;
    // The h of html, in either case.
    if (((value[5] ?? 0) | 0x20) !== 0x68) continue;
    if (value.toString('latin1', 0, HTML.length).toLowerCase() !== HTML) continue;
    if (raw[at]?.toString('latin1').toLowerCase() === CONTENT_TYPE) return true;
  }
  return false;
}

/** An answer as it came. */
export interface ReceivedAnswer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly isWebPage: boolean;
  /** The start of the body, perhaps packed. */
  readonly bytes: Buffer;
  /** False: the connection ended, or the limit was passed, before the body was complete. */
  readonly complete: boolean;
  /** How much of the body is kept as text; one byte more tells whether its last character is whole. */
  readonly keepBytes: number;
  /** Whether the body itself is wanted. */
  readonly isWhole: boolean;
}

/** Reads an answer of which more is kept than its status. */
export function readAnswer(received: ReceivedAnswer): Answer | Promise<Answer> {
  const { headers, bytes, keepBytes } = received;
  const { coding } = headers;
  if (coding === undefined || bytes.length === 0)
    return toAnswer(received, textStart([bytes], keepBytes), { bytes });
  return unpack(bytes, coding, keepBytes + 1).then((unpacked) =>
    // What was cut off here is too long, whatever unpacking its start comes to.
    toAnswer(received, textOf(unpacked, coding, received), bytes.length > keepBytes ? { bytes } : unpacked),
  );
}

function toAnswer(received: ReceivedAnswer, body: string, { bytes, fault }: Unpacked): Answer {
  const { status, headers, isWebPage, complete, isWhole } = received;
  const [retryAfter, location] = [headers.first('retry-after'), headers.first('location')];
  const challenges = headers.all('www-authenticate');
  const whole = { bytes, complete, contentEncoding: headers.coding, fault, location };
  return {
    ...{ kind: 'answer', status, body },
    ...(isWebPage && { isWebPage }),
    ...(status >= 300 && retryAfter !== undefined && { retryAfter }),
    ...(status >= 300 &&
      status < 400 &&
      location !== undefined && { location: location.slice(0, HEADER_CHARACTERS) }),
    ...(status >= 400 && challenges.length > 0 && { wwwAuthenticate: challenges.join(', ') }),
    ...(isWhole ? { whole } : keptHeaders(headers)),
  };
}

/** More than is kept in the end: secrets are taken out in between, which takes time. */
const HEADER_CHARACTERS = 500;

function keptHeaders(headers: AnswerHeaders): { headers?: KeptHeaders } {
  const kept = KEPT_HEADERS.flatMap((name) => {
    const value = headers.all(name).join(', ').slice(0, HEADER_CHARACTERS);
    return value === '' ? [] : [[name, value]];
  });
  return kept.length === 0 ? {} : { headers: Object.fromEntries(kept) };
}

/** What came of a packed body. */
interface Unpacked {
  readonly bytes: Buffer;
  /** Why there is no more of it: its end is missing, it is not what it says, or nobody here can unpack it. */
  readonly fault?: 'cut' | 'broken' | 'unknown';
}

/** Some servers pack their answer whatever the request says. */
const UNPACKERS: ReadonlyMap<string, typeof createGunzip | typeof createBrotliDecompress> = new Map([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

/**
 * Unpacks the start of a body, in another thread: no more than `maxBytes` are ever unpacked, at most 64 KiB and a byte.
 * What comes before a cut is kept.
 */
function unpack(packed: Buffer, coding: string, maxBytes: number): Promise<Unpacked> {
  const create = isBareDeflate(packed, coding) ? createInflateRaw : UNPACKERS.get(coding);
  if (create === undefined) return Promise.resolve({ bytes: packed, fault: 'unknown' });
  return new Promise((resolve) => {
    const unpacker = create({ chunkSize: Math.max(maxBytes, LEAST_CHUNK_BYTES) });
    const chunks: Buffer[] = [];
    let length = 0;
    const end = (fault?: Unpacked['fault']): void => {
      const bytes = Buffer.concat(chunks, Math.min(length, maxBytes));
      resolve(fault === undefined || length >= maxBytes ? { bytes } : { bytes, fault });
      unpacker.destroy();
    };
    unpacker.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= maxBytes) end();
    });
    unpacker.on('end', () => end());
    unpacker.on('error', ({ code }: NodeJS.ErrnoException) => end(code === 'Z_BUF_ERROR' ? 'cut' : 'broken'));
    // In two steps: the end alone may be missing, which is told once all that came is unpacked.
    unpacker.write(packed, () => unpacker.end());
  });
}

const LEAST_CHUNK_BYTES = 64;

/** Some servers take `deflate` by its name, without the header of zlib (RFC 9110, section 8.4.1.2). */
function isBareDeflate(packed: Buffer, coding: string): boolean {
  return coding === 'deflate' && ((packed[0] ?? 0) & 0x0f) !== 8;
}

const SHOWN_CODING = 20;
/** What no text has. */
const NO_TEXT = /[\p{Cc}\ufffd]/u;

/** The text of a packed body, or why there is none in a few words. */
function textOf(
  { bytes, fault }: Unpacked,
  coding: string,
  { bytes: packed, keepBytes }: ReceivedAnswer,
): string {
  if (fault === undefined) return textStart([bytes], keepBytes);
  const named = quoteText(coding, SHOWN_CODING).slice(1, -1);
  if (fault === 'unknown') return `(a body in the Content-Encoding ${named}, which is not unpacked)`;
  const isCut = fault === 'cut';
  const note = isCut
    ? `(its body in ${named} was cut off)`
    : `(a body that is not ${named}, as its Content-Encoding says)`;
  const text = textStart([isCut ? bytes : packed], Math.max(0, keepBytes - note.length - 1));
  const isText = isCut ? text !== '' : !NO_TEXT.test(text.replace(/[\t\r\n]/g, ''));
  // In front: a secret that the text breaks off with is found at its end alone.
  return isText ? `${note}\n${text}` : note;
}

/**
 * Decodes the start of a body: at most `maxBytes` of UTF-8, cut between two characters. Broken sequences
 * become U+FFFD, which may be longer than what it stands for, so the text is measured once more.
 */
export function textStart(chunks: readonly Buffer[], maxBytes: number): string {
  const text = cut(Buffer.concat(chunks), maxBytes);
  return Buffer.byteLength(text) <= maxBytes ? text : cut(Buffer.from(text), maxBytes);
}

function cut(bytes: Buffer, maxBytes: number): string {
  // As the start of a stream, it ends before a character that is not whole.
  const stream = bytes.length > maxBytes;
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, maxBytes), { stream });
}
