import { statSync } from 'node:fs';
import type { ConfigIssue } from '../config/config-error.ts';
import type { Config, ResolvedClient } from '../config/config-schema.ts';
import { namedTlsFiles, type TlsContents, tlsContentsOf } from '../config/named-tls-files.ts';
import type { FileReading } from '../config/read-text-file.ts';
import { readPem, readTlsFiles } from '../config/tls-files.ts';
import type { Log } from '../core/log.ts';
import { toJsonPath } from '../core/problem.ts';

type Readings = Map<string, FileReading>;

/** Notices new contents of TLS files, as tools write them that renew certificates. */
export class TlsWatch {
  readonly #log: Log;
  /** By path: what the file system said of the file when it held what is in use. */
  readonly #stamps = new Map<string, string>();
  /** What is wrong at present, so that it is said once. */
  #told = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * Looks at all TLS files of a configuration. A client whose new files are not sound, or do not belong together yet,
   * keeps all its present ones; so do clients that share them.
   *
   * @returns the new contents, which are sound; empty: there are none
   */
  look(config: Config): TlsContents {
    const present = tlsContentsOf(config);
    const stamps = new Map<string, string>();
    const fresh: Readings = new Map();
    for (const [file, text] of present) {
      // Before the file is read: a change in between is noticed at the next look.
      const stamp = stampOf(file);
      if (stamp === this.#stamps.get(file)) continue;
      const reading = readPem(file);
      if (reading.ok && reading.text === text) this.#stamps.set(file, stamp);
      else fresh.set(file, reading);
      stamps.set(file, stamp);
    }
    this.#dropUnsound(config, present, fresh);
    const taken = new Map<string, string>();
    for (const [file, reading] of fresh) {
      if (!reading.ok) continue;
      taken.set(file, reading.text);
      this.#stamps.set(file, stamps.get(file) ?? '');
    }
    return taken;
  }

  /** Removes the new files of each client that cannot use them; then others may lack what belongs to theirs. */
  #dropUnsound(config: Config, present: TlsContents, fresh: Readings): void {
    const told = new Set<string>();
    let isDone: boolean;
    do {
      isDone = true;
      for (const { client, issue } of issuesOf(config, present, fresh)) {
        this.#tell({ client: client.name, setting: settingOf(issue), reason: issue.message }, told);
        for (const { file } of namedTlsFiles(client, config.directory)) {
          if (fresh.delete(file)) isDone = false;
        }
      }
    } while (!isDone);
    this.#told = told;
  }

  #tell(what: object, told: Set<string>): void {
    const key = JSON.stringify(what);
    if (!this.#told.has(key) && !told.has(key)) {
      this.#log.warn(what, 'new TLS files not taken: the present ones stay in use');
    }
    told.add(key);
  }
}

/** What is wrong with the clients that name these new files. */
function issuesOf({ clients, directory }: Config, present: TlsContents, fresh: Readings) {
  const concerned = Object.values(clients).filter((client) =>
    namedTlsFiles(client, directory).some(({ file }) => fresh.has(file)),
  );
  const held = [...present].map(([file, text]) => [file, { ok: true, text }] as const);
  const known: Readings = new Map([...held, ...fresh]);
  const tree = { clients: Object.fromEntries(concerned.map((client) => [client.name, client])) };
  return readTlsFiles(tree, directory, tree, known).issues.map((issue) => ({
    client: clients[String(issue.keys[1])] as ResolvedClient,
    issue,
  }));
}

/** Such as `tls.cert`. */
function settingOf({ keys }: ConfigIssue): string {
  return toJsonPath(keys.slice(2)).slice('$.'.length);
}

/** Differs after each change of a file, also of one that a link leads to; empty: there is none. */
function stampOf(file: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch {
    return '';
  }
}
