import { stripVTControlCharacters } from 'node:util';
import { visibleText } from './terminal.ts';

/** Colours and styles, as `styleText` writes them; nothing else may steer the terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one
const STYLE = /(\u001b\[[\d;]*m)/;
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
const TWO_COLUMNS =
  /^(?:[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff01-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|.\ufe0f)/u;
const NO_COLUMN = /^[\p{M}\p{Cf}]+$/u;

/** How many columns of a terminal a line takes; styles take none. */
export function widthOf(line: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(stripVTControlCharacters(line))) width += columnsOf(segment);
  return width;
}

/**
 * Cuts a line to so many columns, with an ellipsis where something is missing. Its styles are kept, those that end
 * behind the cut too, so that none runs on; other control characters are shown as what they are.
 */
export function cutLine(line: string, columns: number): string {
  const parts = line
    .split(STYLE)
    .map((part, i) => (i % 2 === 1 ? part : visibleText(part).replace(/\s/g, ' ')));
  if (widthOf(parts.join('')) <= columns) return parts.join('');
  let room = columns - 1;
  return parts
    .map((part, i) => {
      if (i % 2 === 1 || room < 0) return i % 2 === 1 ? part : '';
      let kept = '';
      for (const { segment } of graphemes.segment(part)) {
        room -= columnsOf(segment);
        if (room < 0) return columns > 0 ? `${kept}…` : '';
        kept += segment;
      }
      return kept;
    })
    .join('');
}

function columnsOf(grapheme: string): number {
  if (NO_COLUMN.test(grapheme)) return 0;
  return TWO_COLUMNS.test(grapheme) ? 2 : 1;
}
