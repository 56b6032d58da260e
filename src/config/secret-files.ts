import { resolve } from 'node:path';
import { isNoFileName, readTextFile, showPath } from './read-text-file.ts';
import type { FileText, ReadFileText } from './substitute-env.ts';

/** Docker and Kubernetes allow larger secrets; a credential is not that long. */
const MAX_BYTES = 64 * 1024;

/**
 * Makes what reads the file of a `${file:…}`, relative to the configuration's directory, without the one line break
 * that editors and `echo` put at its end. Each file is read once: many clients may share it. Never throws.
 */
export function createSecretFiles(directory: string): ReadFileText {
  const known = new Map<string, FileText>();
  return (path) => {
    const text = known.get(path) ?? readSecret(resolve(directory, path));
    known.set(path, text);
    return text;
  };
}

function readSecret(file: string): FileText {
  if (isNoFileName(file))
    return { ok: false, reason: 'must name a file in ${file:…}, not what stands in it' };
  const read = readTextFile(file, MAX_BYTES);
  if (!read.ok) return { ok: false, reason: `refers to a file that ${read.message}: ${showPath(file)}` };
  const text = read.text.replace(/\r?\n$/, '');
  if (text !== '') return { ok: true, text, name: showPath(file) };
  return { ok: false, reason: `refers to a file that is empty: ${showPath(file)}` };
}
