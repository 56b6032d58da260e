/** The most bytes of one UTF-8 character. */
const LONGEST_CHARACTER = 4;

/**
 * Decodes the start of a body: at most `maxBytes` of UTF-8, cut between two characters. Broken sequences
 * become U+FFFD, which may be longer than what it stands for, so the text is measured once more.
 */
export function textStart(chunks: readonly Buffer[], maxBytes: number): string {
  if (chunks.length === 0) return '';
  const bytes = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
  const text = cut(bytes, maxBytes).toString('utf8');
  return Buffer.byteLength(text) <= maxBytes ? text : cut(Buffer.from(text), maxBytes).toString('utf8');
}

function cut(bytes: Buffer, maxBytes: number): Buffer {
  if (bytes.length <= maxBytes) return bytes;
  let end = maxBytes;
  while (end > maxBytes - LONGEST_CHARACTER && isContinuation(bytes[end])) end -= 1;
  return bytes.subarray(0, isContinuation(bytes[end]) ? maxBytes : end);
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
