import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { ConfigIssue } from './core/config-problem.ts';
import type { TlsMaterial } from './core/config-schema.ts';

const TLS_FILES = ['ca', 'cert', 'key'] as const;

/** What the clients' TLS files hold, by client, and what is wrong with them. */
export interface TlsFiles {
  readonly byClient: ReadonlyMap<string, TlsMaterial>;
  readonly issues: readonly ConfigIssue[];
}

/**
 * Reads the TLS files that a configuration names, relative to its own directory. Takes the configuration as
 * it was read, before it is known to be valid, so that missing files are named along with all other problems.
 */
export function readTlsFiles(tree: unknown, directory: string): TlsFiles {
  const byClient = new Map<string, TlsMaterial>();
  const issues: ConfigIssue[] = [];
  for (const [name, client] of Object.entries(sectionOf(tree, 'clients'))) {
    const keys = ['clients', name, 'tls'];
    const tls = sectionOf(client, 'tls');
    const material: { -readonly [File in keyof TlsMaterial]: TlsMaterial[File] } = {};
    for (const file of TLS_FILES) {
      const path = tls[file];
      if (typeof path !== 'string' || path === '') continue;
      const content = readPem(resolve(directory, path));
      if (content.ok) material[file] = content.pem;
      else issues.push({ keys: [...keys, file], message: content.message });
    }
    const mismatch = whyUnusable(material);
    if (mismatch !== undefined) issues.push({ keys, message: mismatch });
    if (Object.keys(material).length > 0) byClient.set(name, material);
  }
  return { byClient, issues };
}

function sectionOf(tree: unknown, key: string): Readonly<Record<string, unknown>> {
  if (typeof tree !== 'object' || tree === null || !Object.hasOwn(tree, key)) return {};
  const section = (tree as Record<string, unknown>)[key];
  return typeof section === 'object' && section !== null ? (section as Record<string, unknown>) : {};
}

function readPem(file: string): { ok: true; pem: string } | { ok: false; message: string } {
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (error) {
    return { ok: false, message: `names a file that cannot be read (${codeOf(error)}): ${file}` };
  }
  if (pem.includes('-----BEGIN ')) return { ok: true, pem };
  return { ok: false, message: `names a file that is not in PEM form: ${file}` };
}

/** Node itself says whether certificates and key are sound and fit: better now than at each attempt. */
function whyUnusable({ ca, cert, key }: TlsMaterial): string | undefined {
  if (ca === undefined && (cert === undefined || key === undefined)) return undefined;
  try {
    if (ca !== undefined) createSecureContext({ ca });
    if (cert !== undefined && key !== undefined) createSecureContext({ cert, key });
    return undefined;
  } catch (error) {
    return `holds certificates or a key that cannot be used, or do not belong together (${codeOf(error)})`;
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? 'unknown reason';
}
