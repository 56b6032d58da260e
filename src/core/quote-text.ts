/** What a terminal, a log viewer or an editor might obey, or choke on: controls, halves of characters, directions. */
const STEERING = /[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Writes characters that may steer where they are shown as `\u001b`, so that a sentence holds none. */
export function escapeControls(text: string): string {
  return text.replace(STEERING, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Text in quotes for a sentence: in one line, escaped as in JSON, and cut off after a number of characters. */
export function quoteText(text: string, maxLength: number): string {
  if (text.length <= maxLength) return escapeControls(JSON.stringify(text));
  return `${escapeControls(JSON.stringify(text.slice(0, maxLength)))}…`;
}

const MAX_QUOTED_LENGTH = 60;

/** Names a value for a problem's sentence: `"abc"`, `12.5`, `null`, `an array`; long text is cut off. */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quoteText(value, MAX_QUOTED_LENGTH);
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? 'an array' : 'an object';
    case 'undefined':
      return 'nothing';
    case 'bigint':
    case 'function':
    case 'symbol':
      return `a ${typeof value}`;
    default:
      return String(value);
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it stands in HTML, between tags and in attributes within either quotes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (found) => ENTITIES[found] ?? '');
}
