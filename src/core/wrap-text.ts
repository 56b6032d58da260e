interface WrapOptions {
  /** Of the first line, if it differs from that of the others. */
  readonly firstWidth?: number;
  /** A text's width; left out: its length. */
  widthOf?(text: string): number;
}

/** Breaks a text at its blanks into lines of at most `width`; a longer word has a line of its own. */
export function wrapText(text: string, width: number, options: WrapOptions = {}): string[] {
  const { firstWidth = width, widthOf = ({ length }) => length } = options;
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const longer = lines.length === 0 ? undefined : `${lines.at(-1)} ${word}`;
    const room = lines.length === 1 ? firstWidth : width;
    if (longer === undefined || widthOf(longer) > room) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}
