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
  const at = faultAt(text);
  if (at === undefined) return undefined;
  const before = text.slice(0, at);
  const lineStart = before.lastIndexOf('\n') + 1;
  let line = 1;
  for (let i = before.indexOf('\n'); i !== -1; i = before.indexOf('\n', i + 1)) line += 1;
  return { line, column: at - lineStart + 1 };
}

/** What may come next: a value, a key, or what follows a value; `first`: the container may end at once. */
type Due = 'value' | 'first value' | 'key' | 'first key' | 'rest';

interface Walk {
  readonly text: string;
  at: number;
  due: Due;
  /** The signs that close what is open. */
  readonly open: string[];
}

/** Undefined: it is JSON. */
function faultAt(text: string): number | undefined {
  const walk: Walk = { text, at: 0, due: 'value', open: [] };
  for (;;) {
    walk.at = skip(BLANK, text, walk.at) ?? walk.at;
    const isOver = walk.at === text.length;
    if (walk.due === 'rest' && walk.open.length === 0) return isOver ? undefined : walk.at;
    const fault = isOver ? walk.at : step(walk);
    if (fault !== undefined) return fault;
  }
}

/** Takes the next token. @returns where it is none that may come here */
function step(walk: Walk): number | undefined {
  const { text, at, due, open } = walk;
  const sign = text[at] ?? '';
  const mayClose = due === 'rest' || due.startsWith('first');
  if (mayClose && sign === open.at(-1)) {
    open.pop();
    return go(walk, at + 1, 'rest');
  }
  if (due === 'rest') return sign === ',' ? go(walk, at + 1, open.at(-1) === '}' ? 'key' : 'value') : at;
  if (due.endsWith('key')) return goBehind(walk, endOfKey(text, at), 'value');
  return takeValue(walk, sign);
}

function takeValue(walk: Walk, sign: string): number | undefined {
  const { text, at, open } = walk;
  if (sign !== '{' && sign !== '[') {
    return goBehind(walk, sign === '"' ? endOfText(text, at) : endOfScalar(text, at), 'rest');
  }
  open.push(sign === '{' ? '}' : ']');
  return go(walk, at + 1, sign === '{' ? 'first key' : 'first value');
}

function go(walk: Walk, at: number, due: Due): undefined {
  walk.at = at;
  walk.due = due;
}

function goBehind(walk: Walk, end: End, due: Due): number | undefined {
  return end.ok ? go(walk, end.at, due) : end.at;
}

interface End {
  readonly ok: boolean;
  /** Behind it; or where the fault is. */
  readonly at: number;
}

function skip(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

function endOfKey(text: string, at: number): End {
  if (text[at] !== '"') return { ok: false, at };
  const key = endOfText(text, at);
  if (!key.ok) return key;
  const colon = skip(BLANK, text, key.at) ?? key.at;
  return text[colon] === ':' ? { ok: true, at: colon + 1 } : { ok: false, at: colon };
}

function endOfScalar(text: string, at: number): End {
  const end = skip(SCALAR, text, at);
  return end === undefined ? { ok: false, at } : { ok: true, at: end };
}

function endOfText(text: string, start: number): End {
  let at = start + 1;
  for (;;) {
    const sign = text.charCodeAt(at);
    if (sign === 0x22) return { ok: true, at: at + 1 };
    if (sign === 0x5c) {
      const end = skip(ESCAPE, text, at);
      if (end === undefined) return { ok: false, at };
      at = end;
    } else if (sign >= 0x20) at += 1;
    // A control character, or (not a number) the end of the input.
    else return { ok: false, at };
  }
}
