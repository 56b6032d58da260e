import { createPrivateKey } from 'node:crypto';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { certificatesIn } from './certificates.ts';
import type { ConfigIssue } from './config-error.ts';
import { type FileReading, isNoFileName, PEM_START, readTextFile, showPath } from './read-text-file.ts';
import type { TlsConfig } from './tls-config.ts';

/** The settings of a section `tls` that name files. */
export const TLS_FILES = ['ca', 'cert', 'key'] as const;
const MAX_BYTES = 4 * 1024 * 1024;

/** The contents of the files that one section `tls` names. */
export type TlsFiles = { readonly [File in (typeof TLS_FILES)[number]]?: string };

/** The contents of a client's TLS files: those of its endpoints, and those of its token service. */
export interface ClientTlsFiles {
  readonly tls: TlsFiles;
  readonly authTls: TlsFiles;
}

/** Where a client's sections `tls` stand in it. */
export const TLS_SECTIONS = { tls: ['tls'], authTls: ['auth', 'tls'] } as const;

/**
 * Reads the TLS files that a configuration names, relative to its own directory. Takes the configuration as
 * it was read, before it is known to be valid, so that missing files are named along with all other problems.
 *
 * @param written the same tree before `${NAME}` was replaced: what came from the environment is not repeated,
 *   it may be the key itself instead of its file's name
 * @param known by absolute path: files that were read before, and are not read again; further ones are added
 * @returns what the files of each client hold, and what is wrong with them
 */
export function readTlsFiles(
  tree: unknown,
  directory: string,
  written: unknown,
  known = new Map<string, FileReading>(),
) {
  const byClient = new Map<string, ClientTlsFiles>();
  const issues: ConfigIssue[] = [];
  for (const [name, client] of Object.entries(sectionAt(tree, ['clients']))) {
    const read = (path: readonly string[]): TlsFiles => {
      const keys = ['clients', name, ...path];
      const section = readSection(sectionAt(client, path), sectionAt(written, keys), directory, known);
      issues.push(...section.issues.map((issue) => ({ ...issue, keys: [...keys, ...issue.keys] })));
      return section.files;
    };
    byClient.set(name, { tls: read(TLS_SECTIONS.tls), authTls: read(TLS_SECTIONS.authTls) });
  }
  return { byClient, issues };
}

type Section = Readonly<Record<string, unknown>>;

function sectionAt(tree: unknown, keys: readonly string[]): Section {
  let section = tree;
  for (const key of keys) {
    if (typeof section !== 'object' || section === null || !Object.hasOwn(section, key)) return {};
    section = (section as Section)[key];
  }
  return typeof section === 'object' && section !== null ? (section as Section) : {};
}

/** The files of a section `tls` that is valid, relative to a directory, and what is wrong with them. */
export function readTlsSection(tls: TlsConfig, directory: string) {
  return readSection(tls, tls, directory, new Map());
}

function readSection(tls: Section, written: Section, directory: string, known: Map<string, FileReading>) {
  const issues: ConfigIssue[] = [];
  const files: { -readonly [File in keyof TlsFiles]: TlsFiles[File] } = {};
  for (const setting of TLS_FILES) {
    const read = readNamed(tls[setting], written[setting], directory, known);
    if (read === undefined) continue;
    if (!read.ok) issues.push({ keys: [setting], message: read.message });
    else if (setting !== 'key' && !HAS_CERTIFICATE.test(read.text)) {
      issues.push({ keys: [setting], message: 'names a file without a certificate' });
    } else files[setting] = read.text;
  }
  const passphrase = typeof tls['passphrase'] === 'string' ? tls['passphrase'] : undefined;
  return { files, issues: [...issues, ...whyUnusable(files, passphrase)] };
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
  // Many clients may share their files.
  known.set(file, read);
  if (read.ok || isNoFileName(file)) return read;
  return { ok: false, message: `${read.message}: ${showPath(path === written ? file : String(written))}` };
}

const HAS_CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/;
const CERTIFICATES = new RegExp(HAS_CERTIFICATE, 'g');
/** As behind a file without a line break at its end, to which another was appended. */
const BEGINS_WITHIN_LINE = new RegExp(`[^\r\n]${HAS_CERTIFICATE.source}`);

/** Reads a file of certificates or keys; a failure is a sentence without its subject. */
export function readPem(file: string): FileReading {
  if (isNoFileName(file)) return { ok: false, message: 'must be the name of a file, not what stands in it' };
  const read = readTextFile(file, MAX_BYTES);
  if (!read.ok) return { ok: false, message: `names a file that ${read.message}` };
  if (!read.text.includes(PEM_START)) return { ok: false, message: 'names a file that is not in PEM form' };
  // Node passes over authorities that it cannot read, as in a file that is being written.
  const begun = read.text.match(CERTIFICATES)?.length ?? 0;
  if (certificatesIn(read.text).length === begun && !BEGINS_WITHIN_LINE.test(read.text)) return read;
  return { ok: false, message: 'names a file with a certificate that is broken or cut off' };
}

/** Node itself says whether certificates and key are sound and fit: better now than at each attempt. */
function whyUnusable({ ca, cert, key }: TlsFiles, passphrase: string | undefined): ConfigIssue[] {
  const locked = key === undefined ? undefined : whyLocked(key, passphrase);
  if (locked !== undefined) return [{ keys: ['passphrase'], message: locked }];
  try {
    if (ca !== undefined) createSecureContext({ ca });
    if (cert !== undefined && key !== undefined) createSecureContext({ cert, key, passphrase });
    return [];
  } catch (error) {
    const { code = 'unknown reason' } = error as NodeJS.ErrnoException;
    const message = `holds certificates or a key that cannot be used, or do not belong together (${code})`;
    return [{ keys: [], message }];
  }
}

/** PKCS #8 (RFC 5958) says it in its label, the older forms in a header (RFC 1421). */
const IS_ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;

function whyLocked(key: string, passphrase: string | undefined): string | undefined {
  if (!IS_ENCRYPTED.test(key)) return undefined;
  if (passphrase === undefined) return 'is required: the key is encrypted';
  try {
    createPrivateKey({ key, passphrase });
    return undefined;
  } catch (error) {
    const { code = 'unknown reason' } = error as NodeJS.ErrnoException;
    return `does not decrypt the key (${code})`;
  }
}
