/** Takes secrets out of a text from outside. */
export type Mask = (text: string) => string;

const MASK = '***';
/** What is shorter is no secret, and would be found by chance all over a text. */
const SHORTEST = 4;

/** One character: itself, if it is written in one way only, or all ways of writing it, as sticky patterns. */
type Step = string | readonly RegExp[];

/** A secret, or what base64 makes of it. */
interface Form {
  readonly steps: readonly Step[];
  /** With what it begins in all its ways of writing; may be empty. */
  readonly start: string;
}

/** RFC 4648, section 5. */
const BASE64_URL: Readonly<Record<string, string>> = { '+': '-', '/': '_' };
const HTML_NAMES: Readonly<Record<string, string>> = {
  '&': 'amp',
  '<': 'lt',
  '>': 'gt',
  '"': 'quot',
  "'": '(?:apos|#39)',
};
/** The start of an encoded character, at the end of a text that was cut off. */
const HALF_WRITTEN = /^(?:(?:\\{1,8}u?[\da-f]{0,4}){0,2}|(?:%[\da-f]{0,10}){0,4}|&[#\w;]{0,24})$/i;
const LONGEST_HALF = 44;

/**
 * Makes a mask for these secrets. It finds each of them as it is, as JSON, URLs and HTML write it (once or
 * over again), and in base64, alone or as a part of something longer; also the start of one (four characters
 * or more) with which the text breaks off. Secrets of fewer than four characters are let stand.
 */
export function createMask(secrets: readonly string[]): Mask {
  // A text of a server's own may lack the line break that came with a secret from a file.
  const wanted = new Set(secrets.map((secret) => secret.trim()).filter(({ length }) => length >= SHORTEST));
  let forms: readonly Form[] | undefined;
  return (text) => {
    forms ??= [...wanted].flatMap(formsOf).sort((a, b) => b.steps.length - a.steps.length);
    return text === '' ? text : forms.reduce(maskForm, text);
  };
}

function formsOf(secret: string): Form[] {
  const bytes = Buffer.from(secret, 'utf8');
  const inBase64 = [0, 1, 2].map((before) => toForm(insideBase64(bytes, before), true));
  return [toForm(secret, false), ...inBase64];
}

function toForm(text: string, isBase64: boolean): Form {
  const start = /^[A-Za-z0-9]{0,4}/.exec(text)?.[0] ?? '';
  return { steps: [...text].map((character) => stepOf(character, isBase64)), start };
}

/** The characters that stand for these bytes and nothing else, after so many other bytes (modulo 3). */
function insideBase64(bytes: Buffer, before: number): string {
  const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
  const bits = 8 * (before + bytes.length);
  return encoded.slice(Math.ceil((8 * before) / 6), Math.floor(bits / 6));
}

function maskForm(text: string, { steps, start }: Form): string {
  let masked = '';
  let done = 0;
  // Most texts are through with this: most secrets begin with characters that are written in one way only.
  let at = text.indexOf(start);
  while (at >= 0 && at < text.length) {
    const end = endOf(text, steps, at);
    if (end !== undefined) {
      masked += text.slice(done, at) + MASK;
      done = end;
    }
    at = text.indexOf(start, end ?? at + 1);
  }
  return masked + text.slice(done);
}

/** Where the form that starts here ends, all its ways of writing followed side by side; undefined: it does not. */
function endOf(text: string, steps: readonly Step[], start: number): number | undefined {
  let ends = [start];
  for (const [index, step] of steps.entries()) {
    if (index >= SHORTEST && ends.some((end) => isCutOff(text, end))) return text.length;
    ends = endsAfter(text, step, ends);
    if (ends.length === 0) return undefined;
  }
  return Math.max(...ends);
}

function isCutOff(text: string, end: number): boolean {
  return text.length - end <= LONGEST_HALF && HALF_WRITTEN.test(text.slice(end));
}

function endsAfter(text: string, step: Step, starts: readonly number[]): number[] {
  if (typeof step === 'string') return starts.filter((at) => text[at] === step).map((at) => at + 1);
  const ends = new Set<number>();
  for (const at of starts) {
    for (const way of step) {
      way.lastIndex = at;
      if (way.test(text)) ends.add(way.lastIndex);
    }
  }
  return [...ends];
}

const known = new Map<string, readonly RegExp[]>();

function stepOf(character: string, isBase64: boolean): Step {
  if (/^[A-Za-z0-9]$/.test(character)) return character;
  const key = `${isBase64} ${character}`;
  const ways = known.get(key) ?? makeWays(character, isBase64);
  known.set(key, ways);
  return ways;
}

function makeWays(character: string, isBase64: boolean): readonly RegExp[] {
  const other = isBase64 ? BASE64_URL[character] : undefined;
  const name = HTML_NAMES[character];
  const [, letter] = /^"\\([bfnrt])"$/.exec(JSON.stringify(character)) ?? [];
  const units = [...Array(character.length).keys()].map((index) => hex(character.charCodeAt(index), 4));
  const bytes = [...Buffer.from(character, 'utf8')].map((byte) => hex(byte, 2));
  const code = character.codePointAt(0) ?? 0;
  const sources = [
    literalPattern(character),
    // All of these may be encoded over again, but not so often that a long text of them takes long to read.
    `\\\\{1,8}${literalPattern(character)}`,
    units.map((unit) => `\\\\{1,8}u${unit}`).join(''),
    bytes.map((byte) => `%(?:25){0,4}${byte}`).join(''),
    `&(?:amp;){0,4}#(?:0{0,4}${code}|x0{0,4}${code.toString(16)});`,
    ...(letter === undefined ? [] : [`\\\\{1,8}${letter}`]),
    ...(name === undefined ? [] : [`&(?:amp;){0,4}${name};`]),
    ...(character === ' ' ? ['\\+'] : []),
    ...(other === undefined ? [] : [literalPattern(other)]),
  ];
  return sources.map((source) => new RegExp(source, 'iy'));
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}

/** What is secret in the value of a header: all of it, what follows its scheme, and for Basic the password in there. */
export function secretsOfHeader(value: string): string[] {
  const [, scheme = '', credentials] = /^(\S+) +(.+)$/.exec(value) ?? [];
  if (credentials === undefined) return [value];
  if (scheme.toLowerCase() !== 'basic') return [value, credentials];
  const pair = Buffer.from(credentials, 'base64').toString('utf8');
  return [value, credentials, pair.slice(pair.indexOf(':') + 1)];
}

/** The source of a regular expression, with or without the flag `u`, that matches just this text; not for a class. */
export function literalPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
