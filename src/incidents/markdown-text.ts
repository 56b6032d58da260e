import { escapeControls } from '../core/quote-text.ts';

/** All that may mean something within a line of Markdown; an underscore between letters means nothing. */
const MEANINGFUL = /[\\`*[\]<>~&#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g;

/** A text without markup, in one line; not for the beginning of a line. */
export function plain(text: string): string {
  return escapeMeaning(oneLine(text));
}

/** As `plain`, but each occurrence of `named`, such as a URL, is code: there a backslash stays one. */
export function plainWithCode(text: string, named: string): string {
  return oneLine(text).split(named).map(escapeMeaning).join(code(named));
}

/** A text as code within a line, between more backticks than it has itself. */
export function code(text: string): string {
  const line = oneLine(text);
  if (line === '') return '(empty)';
  const fence = '`'.repeat(longestRun(line) + 1);
  // A backtick at either end would be one of the fence; the blanks are taken off again.
  const pad = /^`|`$/.test(line) ? ' ' : '';
  return `${fence}${pad}${line}${pad}${fence}`;
}

/** A cell of a table: only `\|` does not end it, even within code. A backslash before it becomes `\u005c`. */
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

/** A text in one line, without characters that steer: nothing that could begin another header of a mail. */
export function oneLine(text: string): string {
  return escapeControls(text.replace(/\s+/g, ' ').trim());
}

/** Tabs stay. */
function visible(line: string): string {
  return line.split('\t').map(escapeControls).join('\t');
}

function longestRun(text: string): number {
  return Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
}
