import { resolve } from 'node:path';
import { asksForTokens } from './client-config.ts';
import type { Config, ResolvedClient } from './config-schema.ts';
import { deepFreeze } from './load-config.ts';
import type { TlsConfig } from './tls-config.ts';
import { TLS_FILES } from './tls-files.ts';

/** A TLS file that a client names, and what it held when it was read. */
export interface NamedTlsFile {
  readonly section: 'tls' | 'auth.tls';
  readonly setting: (typeof TLS_FILES)[number];
  /** Absolute. */
  readonly file: string;
  readonly text: string;
}

/** By absolute path: the contents of TLS files. */
export type TlsContents = ReadonlyMap<string, string>;

const MATERIALS = { tls: 'tlsMaterial', 'auth.tls': 'authTlsMaterial' } as const;

/** The TLS files that a client names. @param directory what their names are relative to */
export function namedTlsFiles(client: ResolvedClient, directory: string): NamedTlsFile[] {
  const { tls, auth } = client;
  const inSection = (section: NamedTlsFile['section'], named: TlsConfig = { minVersion: '1.2' }) =>
    TLS_FILES.flatMap((setting): NamedTlsFile[] => {
      const [name, text] = [named[setting], client[MATERIALS[section]]?.[setting]];
      if (name === undefined || text === undefined) return [];
      return [{ section, setting, file: resolve(directory, name), text }];
    });
  return [...inSection('tls', tls), ...inSection('auth.tls', asksForTokens(auth) ? auth.tls : undefined)];
}

/** All TLS files of a configuration. */
export function tlsContentsOf({ clients, directory }: Config): Map<string, string> {
  const named = Object.values(clients).flatMap((client) => namedTlsFiles(client, directory));
  return new Map(named.map(({ file, text }) => [file, text]));
}

/**
 * The same configuration with other contents of TLS files, which are known to be sound.
 *
 * @returns it, and the clients that it changes
 */
export function withTlsContents(config: Config, contents: TlsContents) {
  const clients: Record<string, ResolvedClient> = Object.assign(Object.create(null), config.clients);
  const changed: ResolvedClient[] = [];
  for (const client of Object.values(config.clients)) {
    let next = client;
    for (const { section, setting, file, text } of namedTlsFiles(client, config.directory)) {
      const fresh = contents.get(file) ?? text;
      const material = MATERIALS[section];
      if (fresh !== text) next = { ...next, [material]: { ...next[material], [setting]: fresh } };
    }
    if (next === client) continue;
    clients[client.name] = next;
    changed.push(next);
  }
  return { config: deepFreeze<Config>({ ...config, clients }), changed };
}
