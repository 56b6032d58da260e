import { closeSync, openSync, readSync } from 'node:fs';

/** A file's text; or why there is none, as a sentence without its subject. */
export type FileReading =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly message: string; readonly cause?: unknown };

const MIB = 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Reads a file of UTF-8 that may be so long, and no further: a device may have no end. Never throws. */
export function readTextFile(file: string, maxMiB: number): FileReading {
  let bytes: Buffer | undefined;
  try {
    bytes = readBytes(file, maxMiB * MIB);
  } catch (cause) {
    return { ok: false, message: whyUnreadable(cause), cause };
  }
  if (bytes === undefined) return { ok: false, message: `is larger than ${maxMiB} MiB` };
  try {
    return { ok: true, text: decoder.decode(bytes) };
  } catch (cause) {
    // Read all the same, a secret in it would be another one.
    return { ok: false, message: 'is not valid UTF-8', cause };
  }
}

function readBytes(file: string, maxBytes: number): Buffer | undefined {
  const descriptor = openSync(file, 'r');
  try {
    const chunks: Buffer[] = [];
    for (let total = 0; total <= maxBytes; ) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const count = readSync(descriptor, chunk, 0, CHUNK_BYTES, null);
      if (count === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, count));
      total += count;
    }
    return undefined;
  } finally {
    closeSync(descriptor);
  }
}

function whyUnreadable(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
  return `cannot be read (${code})`;
}
