/**
 * Decodes the start of a body: at most `maxBytes` of UTF-8, cut between two characters. Broken sequences
 * become U+FFFD, which may be longer than what it stands for, so the text is measured once more.
 */
export function textStart(chunks: readonly Buffer[], maxBytes: number): string {
  const text = cut(Buffer.concat(chunks), maxBytes);
  return Buffer.byteLength(text) <= maxBytes ? text : cut(Buffer.from(text), maxBytes);
}

function cut(bytes: Buffer, maxBytes: number): string {
  // As the start of a stream, it ends before a character that is not whole.
  const stream = bytes.length > maxBytes;
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, maxBytes), { stream });
}
