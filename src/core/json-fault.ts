/** A place in a text, from 1. */
export interface TextPlace {
  readonly line: number;
  readonly column: number;
}

const BLANK = /[ \t\n\r]*/y;
/** RFC 8259: a literal or a number, as one token. */
const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/**
 * Where a text stops being JSON: V8's errors do not always say. Undefined: it is JSON.
 */
export function findJsonFault(text: string): TextPlace | undefined {
  const at = new JsonWalk(text).faultAt();
  if (at === undefined) return undefined;
  const lines = text.slice(0, at).split('\n');
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}

/** What may come next: a value, a key, the colon behind it, or what follows a value; `first`: the end may, too. */
type Due = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'rest';

/** Takes one token of a JSON text after another, without recursion: nesting may be deeper than the stack. */
class JsonWalk {
  readonly #text: string;
  #at = 0;
  #due: Due = 'value';
  /** The signs that close what is open. */
  readonly #open: string[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  /** Undefined: it is JSON. */
  faultAt(): number | undefined {
    for (;;) {
      this.#skip(BLANK);
      const isOver = this.#at === this.#text.length;
      if (isOver && this.#due === 'rest' && this.#open.length === 0) return undefined;
      if (isOver || !this.#takeToken(this.#text[this.#at] ?? '')) return this.#at;
    }
  }

  /** @returns false: no such token may come here, or it is broken where the walk stands then */
  #takeToken(sign: string): boolean {
    const due = this.#due;
    if (sign === this.#open.at(-1) && (due === 'rest' || due.startsWith('first'))) {
      this.#open.pop();
      return this.#takeSign('rest');
    }
    if (due === 'colon') return sign === ':' && this.#takeSign('value');
    if (due === 'rest') {
      const after = this.#open.at(-1) === '}' ? 'key' : 'value';
      return sign === ',' && this.#open.length > 0 && this.#takeSign(after);
    }
    const isKey = due.endsWith('key');
    if (sign === '"') return this.#takeText(isKey ? 'colon' : 'rest');
    return !isKey && this.#takeValue(sign);
  }

  #takeValue(sign: string): boolean {
    if (sign === '{' || sign === '[') {
      this.#open.push(sign === '{' ? '}' : ']');
      return this.#takeSign(sign === '{' ? 'first key' : 'first value');
    }
    this.#due = 'rest';
    return this.#skip(SCALAR);
  }

  #takeSign(due: Due): true {
    this.#at += 1;
    this.#due = due;
    return true;
  }

  #takeText(due: Due): boolean {
    for (this.#at += 1; ; ) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x22) return this.#takeSign(due);
      // A control character, or (not a number) the end of the input.
      if (!(code >= 0x20) || (code === 0x5c && !this.#skip(ESCAPE))) return false;
      if (code !== 0x5c) this.#at += 1;
    }
  }

  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) return false;
    this.#at = pattern.lastIndex;
    return true;
  }
}
