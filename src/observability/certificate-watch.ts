import { type CertificateFacts, endsSoon } from '../config/certificates.ts';
import { asksForTokens, tokenUrlOf } from '../config/client-config.ts';
import type { Config, ResolvedClient } from '../config/config-schema.ts';
import { namedCertificates } from '../config/named-certificates.ts';
import { hostPort } from '../core/host-port.ts';
import { type Log, whom } from '../core/log.ts';
import { type Metric, metric } from '../core/metric.ts';

const DAY_MS = 86_400_000;
const MS_PER_SECOND = 1_000;
const LONGEST_SUBJECT = 200;

/** A certificate that deliveries depend on. */
interface Watched extends CertificateFacts {
  readonly client: string;
  /** Waybill's own, an authority that is trusted, or one that a server has shown. */
  readonly use: 'own' | 'authority' | 'peer';
  /** `tls`, `auth.tls`, or the server as host:port. */
  readonly where: string;
  /** That it stands in; absent: a server has shown it. */
  readonly file?: string;
}

/** Says when certificates end: in the log once a day for each that ends soon or has ended, and in a metric. */
export class CertificateWatch {
  readonly #log: Log;
  readonly #now: () => number;
  #named: readonly Watched[] = [];
  /** By client and server: what it showed last. */
  readonly #peers = new Map<string, readonly Watched[]>();
  /** When each was told of. */
  readonly #told = new Map<string, number>();

  /** @param now ms since the epoch */
  constructor(log: Log, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  /** These are the clients from now on, with what their TLS files hold. */
  configure({ clients, directory }: Config): void {
    const known = new Map<string, readonly CertificateFacts[]>();
    this.#named = Object.values(clients).flatMap((client) =>
      namedCertificates(client, directory, known).map(
        ({ section, ...facts }): Watched => ({ ...facts, client: client.name, where: section }),
      ),
    );
    for (const [key, [peer]] of this.#peers) {
      const client = clients[peer?.client ?? ''];
      if (client === undefined || !serversOf(client).has(peer?.where ?? '')) this.#peers.delete(key);
    }
    this.judge();
  }

  /** A client's server, as host:port, has shown this chain, its own certificate first. */
  seen(client: string, where: string, chain: readonly CertificateFacts[]): void {
    // Anything may stand in a certificate from outside.
    const readable = chain.filter(({ validTo }) => Number.isFinite(validTo));
    const watched = readable.map((facts): Watched => {
      const subject = facts.subject.slice(0, LONGEST_SUBJECT);
      return { ...facts, subject, client, use: 'peer', where };
    });
    this.#peers.set(`${client} ${where}`, watched);
    this.#tell(watched);
  }

  /** Tells what is to be told again, or by now. */
  judge(): void {
    const now = this.#now();
    for (const [key, at] of this.#told) if (now - at >= DAY_MS) this.#told.delete(key);
    this.#tell(this.#all());
  }

  /** When the certificates end, the first of each place. */
  describe(): Metric {
    const ends = new Map<string, Watched>();
    for (const one of this.#all()) {
      const key = `${one.client} ${one.use} ${one.where}`;
      if (one.validTo < (ends.get(key)?.validTo ?? Number.POSITIVE_INFINITY)) ends.set(key, one);
    }
    return metric(
      'gauge',
      'waybill_certificate_not_after_timestamp_seconds',
      'When the first certificate ends, as seconds since the epoch: own and authority as the TLS files hold them, peer as a server has shown them last.',
      [...ends.values()].map(({ client, use, where, validTo }) => ({
        labels: { client, use, where },
        value: validTo / MS_PER_SECOND,
      })),
    );
  }

  #all(): readonly Watched[] {
    return [...this.#named, ...[...this.#peers.values()].flat()];
  }

  #tell(watched: readonly Watched[]): void {
    const now = this.#now();
    for (const { client, use, where, file, subject, validTo } of watched) {
      if (!endsSoon({ validTo }, now)) continue;
      const ends = new Date(validTo).toISOString();
      const facts = { use, where, subject, ends, ...(file === undefined ? {} : { file }) };
      const message = validTo <= now ? 'certificate has ended' : 'certificate ends soon';
      // A server may show another one with each connection: it is told of once, whichever it is.
      const which = file === undefined ? [client, where] : [file, subject, ends];
      const key = JSON.stringify([message, use, ...which]);
      if (this.#told.has(key)) continue;
      this.#told.set(key, now);
      // A file is told of once, for all clients that name it.
      const named = file === undefined ? [] : watched.filter((one) => one.file === file);
      this.#log.warn({ ...whom([client, ...named.map((one) => one.client)]), ...facts }, message);
    }
  }
}

/** The servers that a client's settings name, as host:port. */
function serversOf({ endpoints, auth }: ResolvedClient): ReadonlySet<string> {
  const urls = Object.values(endpoints).map(({ url }) => url);
  if (asksForTokens(auth)) urls.push(tokenUrlOf(auth));
  return new Set(urls.map((url) => hostPort(new URL(url))));
}
