import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { escapeControls } from '../core/quote-text.ts';

/** A file's text; or why there is none, as a sentence without its subject. */
export type FileReading =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly message: string; readonly cause?: unknown };

const KIB = 1024;
const MIB = 1024 * KIB;
/** What a private key in PEM begins with, a certificate too. */
export const PEM_START = '-----BEGIN ';
const MAX_PATH_LENGTH = 300;
/** In bytes, on the file systems in use. */
const LONGEST_FILE_NAME = 255;
const decoder = new TextDecoder('utf-8', { fatal: true });

/** A path that a sentence can name: it steers no terminal, and is cut off. */
export function showPath(path: string): string {
  return escapeControls(path.length > MAX_PATH_LENGTH ? `${path.slice(0, MAX_PATH_LENGTH)}…` : path);
}

/** Whether this is no path but what should stand in the file: a certificate or key in PEM, or its base64 alone. */
export function isNoFileName(path: string): boolean {
  return path.includes(PEM_START) || path.includes('\n') || basename(path).length > LONGEST_FILE_NAME;
}

/** Reads a file of UTF-8 that may be so long, and no further: a device may have no end. Never throws. */
export function readTextFile(file: string, maxBytes: number): FileReading {
  let bytes: Buffer | undefined;
  try {
    bytes = readBytes(file, maxBytes);
  } catch (cause) {
    return { ok: false, message: whyUnreadable(cause), cause };
  }
  if (bytes === undefined) return { ok: false, message: `is larger than ${inWords(maxBytes)}` };
  try {
    return { ok: true, text: decoder.decode(bytes) };
  } catch (cause) {
    // Read all the same, a secret in it would be another one.
    return { ok: false, message: 'is not valid UTF-8', cause };
  }
}

/** Undefined: it is longer. */
function readBytes(file: string, maxBytes: number): Buffer | undefined {
  // A shell's `<(…)` is a pipe that has a writer; another one might never have, and would hold the process for ever.
  const isOfShell = /^\/(?:dev|proc)\//.test(file);
  const descriptor = openSync(file, constants.O_RDONLY | (isOfShell ? 0 : constants.O_NONBLOCK));
  try {
    if (!isOfShell && fstatSync(descriptor).isFIFO()) throw new NamedPipe();
    const bytes = Buffer.allocUnsafe(maxBytes + 1);
    let length = 0;
    for (let count = -1; count !== 0 && length <= maxBytes; length += count) {
      count = readSync(descriptor, bytes, length, bytes.length - length, null);
    }
    return length > maxBytes ? undefined : bytes.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}

class NamedPipe extends Error {
  readonly code = 'a named pipe';
}

function inWords(bytes: number): string {
  return bytes < MIB ? `${bytes / KIB} KiB` : `${bytes / MIB} MiB`;
}

function whyUnreadable(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
  return `cannot be read (${code})`;
}
