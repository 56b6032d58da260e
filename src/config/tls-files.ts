import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { ConfigIssue } from './config-error.ts';
import type { TlsMaterial } from './config-schema.ts';
import { type FileReading, isNoFileName, PEM_START, readTextFile, showPath } from './read-text-file.ts';

const TLS_FILES = ['ca', 'cert', 'key'] as const;
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Reads the TLS files that a configuration names, relative to its own directory. Takes the configuration as
 * it was read, before it is known to be valid, so that missing files are named along with all other problems.
 *
 * @param written the same tree before `${NAME}` was replaced: what came from the environment is not repeated,
 *   it may be the key itself instead of its file's name
 * @returns what the files of each client hold, and what is wrong with them
 */
export function readTlsFiles(tree: unknown, directory: string, written: unknown) {
  const byClient = new Map<string, TlsMaterial>();
  const issues: ConfigIssue[] = [];
  // Many clients may share their files.
  const known = new Map<string, FileReading>();
  for (const [name, client] of Object.entries(sectionOf(tree, 'clients'))) {
    const keys = ['clients', name, 'tls'];
    const tls = sectionOf(client, 'tls');
    const asWritten = sectionOf(sectionOf(sectionOf(written, 'clients'), name), 'tls');
    const material: { -readonly [File in keyof TlsMaterial]: TlsMaterial[File] } = {};
    for (const setting of TLS_FILES) {
      const read = readNamed(tls[setting], asWritten[setting], directory, known);
      if (read?.ok === true) material[setting] = read.text;
      else if (read !== undefined) issues.push({ keys: [...keys, setting], message: read.message });
    }
    if (Object.keys(material).length > 0) byClient.set(name, material);
    const mismatch = whyUnusable(material);
    if (mismatch !== undefined) issues.push({ keys, message: mismatch });
  }
  return { byClient, issues };
}

function sectionOf(tree: unknown, key: string): Readonly<Record<string, unknown>> {
  if (typeof tree !== 'object' || tree === null || !Object.hasOwn(tree, key)) return {};
  const section = (tree as Record<string, unknown>)[key];
  return typeof section === 'object' && section !== null ? (section as Record<string, unknown>) : {};
}

/** Undefined: no file is named. */
function readNamed(
  path: unknown,
  written: unknown,
  directory: string,
  known: Map<string, FileReading>,
): FileReading | undefined {
  if (typeof path !== 'string' || path === '') return undefined;
  const file = resolve(directory, path);
  const read = known.get(file) ?? readPem(file);
  known.set(file, read);
  if (read.ok || isNoFileName(file)) return read;
  return { ok: false, message: `${read.message}: ${showPath(path === written ? file : String(written))}` };
}

function readPem(file: string): FileReading {
  if (isNoFileName(file)) return { ok: false, message: 'must be the name of a file, not what stands in it' };
  const read = readTextFile(file, MAX_BYTES);
  if (!read.ok) return { ok: false, message: `names a file that ${read.message}` };
  return read.text.includes(PEM_START)
    ? read
    : { ok: false, message: 'names a file that is not in PEM form' };
}

/** Node itself says whether certificates and key are sound and fit: better now than at each attempt. */
function whyUnusable({ ca, cert, key }: TlsMaterial): string | undefined {
  if (ca === undefined && (cert === undefined || key === undefined)) return undefined;
  try {
    if (ca !== undefined) createSecureContext({ ca });
    if (cert !== undefined && key !== undefined) createSecureContext({ cert, key });
    return undefined;
  } catch (error) {
    const { code = 'unknown reason' } = error as NodeJS.ErrnoException;
    return `holds certificates or a key that cannot be used, or do not belong together (${code})`;
  }
}
