import { BYTE, isBlank, MAX_PIECE_BYTES } from './splitter.ts';

/** How payloads are laid out: one a line, or JSON that goes over lines as it likes. */
export type Layout = 'lines' | 'values';

/**
 * Tells the layout by how the input begins; undefined: more of it is needed. An array is `values`. So is an
 * object that the first line leaves open, unless the next line begins another one: then the first is broken.
 *
 * @param head the beginning of the input
 * @param isAll whether it is all of it
 */
export function detectLayout(head: Uint8Array, isAll: boolean): Layout | undefined {
  const undecided = isAll || head.length > MAX_PIECE_BYTES ? 'lines' : undefined;
  const first = skipBlanks(head, 0);
  if (first === head.length) return undecided;
  if (head[first] === BYTE.openBracket) return 'values';
  if (head[first] !== BYTE.openBrace) return 'lines';
  const lineEnd = head.indexOf(BYTE.lineFeed, first);
  if (lineEnd === -1) return undecided;
  if (!isLeftOpen(head.subarray(first, lineEnd))) return 'lines';
  const next = skipBlanks(head, lineEnd);
  if (next === head.length) return undecided;
  return head[next] === BYTE.openBrace ? 'lines' : 'values';
}

function skipBlanks(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && isBlank(bytes[at] ?? 0)) at += 1;
  return at;
}

/** Whether a line opens more brackets than it closes, and ends outside of any text. */
function isLeftOpen(line: Uint8Array): boolean {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < line.length; at++) {
    const byte = line[at];
    if (byte === BYTE.quote) inText = !inText;
    else if (inText) {
      if (byte === BYTE.backslash) at += 1;
    } else if (byte === BYTE.openBrace || byte === BYTE.openBracket) depth += 1;
    else if (byte === BYTE.closeBrace || byte === BYTE.closeBracket) depth -= 1;
  }
  return depth > 0 && !inText;
}
