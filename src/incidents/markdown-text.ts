import { escapeControls } from '../core/quote-text.ts';

/** All that may mean something within a line of Markdown; an underscore between letters means nothing. */
const MEANINGFUL = /[\\`*[\]<>~&#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g;

/** A text that means nothing but itself, in one line; not for the beginning of one. */
export function plain(text: string): string {
  return escapeMeaning(oneLine(text));
}

/** The same, but what is named is code wherever the text has it: in a URL, a backslash is a part of the address. */
export function plainWithCode(text: string, named: string): string {
  return oneLine(text).split(named).map(escapeMeaning).join(code(named));
}

/** A text as code in a line: in more backticks than it has itself. */
export function code(text: string): string {
  const line = oneLine(text);
  if (line === '') return '(empty)';
  const fence = '`'.repeat(longestRun(line) + 1);
  // A backtick at either end would be one of the fence; the blanks are taken off again.
  const pad = /^`|`$/.test(line) ? ' ' : '';
  return `${fence}${pad}${line}${pad}${fence}`;
}

/**
 * A cell of a table: a stroke ends it, even within code, unless there is a backslash before it; if there is one
 * already, that is written as JSON does.
 */
function cell(markdown: string): string {
  return markdown.replace(/\\(?=\\*\|)/g, '\\u005c').replaceAll('|', '\\|');
}

/** A block of code, between fences that are longer than any in it. */
export function block(text: string, language = ''): string {
  const lines = text.trimEnd().replace(/\r\n?/g, '\n').split('\n').map(visible);
  const fence = '`'.repeat(Math.max(3, longestRun(text) + 1));
  return `${fence}${language}\n${lines.join('\n')}\n${fence}`;
}

/** A table of cells that are Markdown already. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function escapeMeaning(line: string): string {
  return line.replace(MEANINGFUL, '\\$&');
}

function oneLine(text: string): string {
  return escapeControls(text.replace(/\s+/g, ' ').trim());
}

/** Tabs stay. */
function visible(line: string): string {
  return line.split('\t').map(escapeControls).join('\t');
}

function longestRun(text: string): number {
  return Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
}
