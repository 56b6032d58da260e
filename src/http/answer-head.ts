/** What the head of an answer says (RFC 9112, sections 4 to 6). */
export interface AnswerHead {
  readonly status: number;
  /** The `Retry-After` header as it came. */
  readonly retryAfter: string | undefined;
  /** Several are joined by commas (RFC 9110, section 11.6.1). */
  readonly wwwAuthenticate: string | undefined;
  readonly location: string | undefined;
  readonly contentEncoding: string | undefined;
  /** Its body in bytes; or how its end is told. */
  readonly length: number | 'chunked' | 'until_close';
  /** For how long the connection may be idle afterwards, in milliseconds; 0: it cannot be used again. */
  readonly idleMs: number;
}

/** Why bytes are no answer, in a few words: `two lengths`. */
export interface AnswerFault {
  readonly fault: string;
}

/** Where a server does not say for how long it keeps an idle connection. */
const IDLE_MS = 4_000;
/** A connection is given up so long before the server would close it, so that hardly a request meets the end. */
const IDLE_MARGIN_MS = 2_000;
/** Of a time that is shorter than twice that, half is used: a connection for every request would cost more. */
const IDLE_SHARE = 0.5;
const MOST_IDLE_MS = 600_000;

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
/** Blanks around a value are part of it here: two repetitions that both take them cost the square of their number. */
const HEADER = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)$/;
const [TAB, SPACE] = [0x09, 0x20];
const NO_BODY = new Set([204, 304]);

/**
 * Reads the head of an answer, as Latin-1 and without the empty line that ends it. What two readers could
 * understand differently (two lengths, a folded header, a bare line feed) is a fault.
 */
export function parseAnswerHead(text: string): AnswerHead | AnswerFault {
  const lines = text.split('\r\n');
  const statusLine = STATUS_LINE.exec(lines[0] ?? '');
  if (statusLine === null) return { fault: 'no status line of HTTP/1.1' };
  const status = Number(statusLine[2]);
  const headers = new HeadersThatMatter();
  for (let i = 1; i < lines.length; i += 1) {
    const header = HEADER.exec(lines[i] ?? '');
    if (header === null) return { fault: 'a header that is none' };
    headers.add((header[1] as string).toLowerCase(), header[2] as string);
  }
  const length = status < 200 || NO_BODY.has(status) ? 0 : headers.bodyLength();
  if (headers.fault !== undefined) return { fault: headers.fault };
  const kept = statusLine[1] === '1' && length !== 'until_close';
  const { retryAfter, wwwAuthenticate, location, contentEncoding } = headers;
  const idleMs = kept ? headers.idleMs() : 0;
  return { status, retryAfter, wwwAuthenticate, location, contentEncoding, length, idleMs };
}

/** Whether a line, without its end, is a header: `name: value`. */
export function isHeader(line: string): boolean {
  return HEADER.test(line);
}

/** Blanks around a value do not belong to it; a no-break space, which `trim` takes for one, does. */
function withoutBlanks(value: string): string {
  let [from, to] = [0, value.length];
  while (from < to && isBlank(value.charCodeAt(from))) from += 1;
  while (from < to && isBlank(value.charCodeAt(to - 1))) to -= 1;
  return value.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** What decides on the body, the connection and the next attempt; all others are read over. */
class HeadersThatMatter {
  fault: string | undefined;
  retryAfter: string | undefined;
  wwwAuthenticate: string | undefined;
  location: string | undefined;
  contentEncoding: string | undefined;
  #length: number | undefined;
  /** Each with a comma before it. */
  #codings: string | undefined;
  #connection = '';
  #keepAlive = '';

  /** The value may have blanks around it. */
  add(name: string, value: string): void {
    if (name === 'content-length') this.#addLength(withoutBlanks(value));
    else if (name === 'transfer-encoding') this.#addCodings(withoutBlanks(value));
    else if (name === 'connection') this.#connection += `,${value.toLowerCase()}`;
    else if (name === 'keep-alive') this.#keepAlive = value;
    else if (name === 'retry-after') this.retryAfter ??= withoutBlanks(value);
    else if (name === 'location') this.location ??= withoutBlanks(value);
    else if (name === 'content-encoding') this.contentEncoding ??= withoutBlanks(value);
    else if (name === 'www-authenticate') this.#addChallenge(withoutBlanks(value));
  }

  bodyLength(): AnswerHead['length'] {
    if (this.#codings === undefined) return this.#length ?? 'until_close';
    return /,[\t ]*chunked$/.test(this.#codings) ? 'chunked' : 'until_close';
  }

  idleMs(): number {
    if (/[,\t ]close(?:[,\t ]|$)/.test(this.#connection)) return 0;
    const seconds = /timeout=(\d+)/i.exec(this.#keepAlive)?.[1];
    if (seconds === undefined) return IDLE_MS;
    const ms = Number(seconds) * 1_000;
    return Math.min(Math.max(ms - IDLE_MARGIN_MS, ms * IDLE_SHARE), MOST_IDLE_MS);
  }

  #addChallenge(value: string): void {
    this.wwwAuthenticate = this.wwwAuthenticate === undefined ? value : `${this.wwwAuthenticate}, ${value}`;
  }

  #addLength(value: string): void {
    const length = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    if (!Number.isSafeInteger(length)) this.fault = 'a Content-Length that is no number of bytes';
    else if (this.#length !== undefined) this.fault = 'two lengths of the body';
    else if (this.#codings !== undefined) this.fault = 'both Content-Length and Transfer-Encoding';
    this.#length = length;
  }

  #addCodings(value: string): void {
    if (this.#length !== undefined) this.fault = 'both Content-Length and Transfer-Encoding';
    this.#codings = `${this.#codings ?? ''},${value.toLowerCase()}`;
  }
}
