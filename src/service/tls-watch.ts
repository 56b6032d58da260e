import { statSync } from 'node:fs';
import type { ConfigIssue } from '../config/config-error.ts';
import type { Config, ResolvedClient } from '../config/config-schema.ts';
import { namedTlsFiles, type TlsContents, tlsContentsOf } from '../config/named-tls-files.ts';
import type { FileReading } from '../config/read-text-file.ts';
import { readPem, readTlsFiles } from '../config/tls-files.ts';
import { groupBy } from '../core/group-by.ts';
import { type Log, whom } from '../core/log.ts';
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
      const issues = issuesOf(config, present, fresh);
      for (const [key, group] of groupBy(issues, (one) => causeOf(one, config.directory))) {
        this.#tell(key, group, told);
      }
      for (const { client } of issues) {
        for (const { file } of namedTlsFiles(client, config.directory)) {
          if (fresh.delete(file)) isDone = false;
        }
      }
    } while (!isDone);
    this.#told = told;
  }

  #tell(key: string, [first, ...others]: readonly ClientIssue[], told: Set<string>): void {
    if (first !== undefined && !this.#told.has(key) && !told.has(key)) {
      const who = whom([first, ...others].map(({ client }) => client.name));
      const what = { ...who, setting: settingOf(first.issue), reason: first.issue.message };
      this.#log.warn(what, 'new TLS files not taken: the present ones stay in use');
    }
    told.add(key);
  }
}

interface ClientIssue {
  readonly client: ResolvedClient;
  readonly issue: ConfigIssue;
}

/** The same for clients that share the file, or all files if one does not fit another: it is told once. */
function causeOf({ client, issue }: ClientIssue, directory: string): string {
  const setting = settingOf(issue);
  const named = namedTlsFiles(client, directory);
  const at = named.find((one) => `${one.section}.${one.setting}` === setting);
  return JSON.stringify([setting, issue.message, at?.file ?? named.map(({ file }) => file)]);
}

/** What is wrong with the clients that name these new files. */
function issuesOf({ clients, directory }: Config, present: TlsContents, fresh: Readings): ClientIssue[] {
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
