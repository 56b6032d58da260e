import type { Socket } from 'node:net';
import { type DetailedPeerCertificate, rootCertificates, TLSSocket } from 'node:tls';
import { classifyNetworkError } from '../core/classify-network-error.ts';
import { quoteText } from '../core/quote-text.ts';
import { wallNow } from '../core/time.ts';
import { findTlsCause, TLS_WORDS, type TlsCause } from '../core/tls-cause.ts';
import { chainOf } from './peer-certificates.ts';

/** What was known of a connection when it failed. */
interface TlsFacts {
  readonly established: boolean;
  /** Whether a byte came that is not TLS' own. */
  readonly answered: boolean;
  readonly asksForCertificate: boolean;
  readonly hasCertificate: boolean;
  /** The code of an alert that came behind the handshake. */
  readonly alert: string | undefined;
  /** The server's own certificate first; empty: it sent none, or they are of no interest. */
  readonly chain: readonly DetailedPeerCertificate[];
}

const factsOf = new WeakMap<Error, TlsFacts>();

/** Keeps facts about the connection when it fails, for `explainTls`. */
export function watchTls(socket: TLSSocket): void {
  let alert: string | undefined;
  // Node tells of an alert behind the handshake by this event only: in TLS 1.3 a refused certificate is one.
  socket.once('_tlsError', ({ code }: NodeJS.ErrnoException) => {
    alert = code;
  });
  // On 'error' the socket knows nothing any more.
  const { _destroy: destroy } = socket;
  socket._destroy = (error, callback) => {
    try {
      if (error !== null) factsOf.set(error, readFacts(socket, alert));
    } catch {
      // A certificate that Node cannot read is no reason to leave a socket open: less is told of it then.
    }
    destroy.call(socket, error, callback);
  };
}

/** Whether a socket is connected, and TLS is not established yet. */
export function isHandshaking(socket: Socket | undefined): boolean {
  return socket instanceof TLSSocket && !socket.connecting && !isEstablished(socket);
}

/** Whether the handshake is over. Node's types leave out what tells. */
function isEstablished(socket: TLSSocket): boolean {
  return (socket as { secureConnecting?: boolean }).secureConnecting === false;
}

function readFacts(socket: TLSSocket, alert: string | undefined): TlsFacts {
  const established = isEstablished(socket);
  // A client knows which algorithms it shares with a server once that asked for a certificate (OpenSSL,
  // SSL_get_shared_sigalgs).
  const asksForCertificate = (socket.getSharedSigalgs() ?? []).length > 0;
  const own = asksForCertificate ? socket.getCertificate() : null;
  return {
    established,
    answered: socket.bytesRead > 0,
    asksForCertificate,
    hasCertificate: own !== null && Object.keys(own).length > 0,
    alert,
    chain: established ? [] : chainOf(socket),
  };
}

/** Whether the handshake of the connection that ended so was under way. */
export function wasHandshaking(error: Error): boolean {
  return factsOf.get(error)?.established === false;
}

/** What is wrong with TLS in words, and the code behind it; undefined: it is not TLS. */
export function explainTls(
  error: Error,
  errorCode: string,
): { readonly code: string; readonly words?: string } | undefined {
  const facts = factsOf.get(error);
  const code = (facts?.answered === false && facts.alert) || errorCode;
  if (classifyNetworkError(code) !== 'tls') return undefined;
  const cause = findTlsCause(code, facts && toKnown(facts));
  return cause === undefined ? { code } : { code, words: `${TLS_WORDS[cause]}${aside(cause, facts, error)}` };
}

function toKnown({ asksForCertificate, hasCertificate, chain }: TlsFacts) {
  const issuer = chain.at(-1)?.issuer.O;
  const isIssuerPublic = chain.length === 1 && isPublic(issuer);
  const certificates = chain.length;
  return { asksForCertificate, hasCertificate, certificates, isIssuerPublic, isClockOff: isClockOff(chain) };
}

/** By how many ms the clocks of the latest servers, by host:port, are ahead of this machine's, and when they said so. */
const skews = new Map<string, { readonly ms: number; readonly at: number }>();
const [LEAST_SKEWS, MOST_SKEWS] = [2, 5];
/** What a server said longer ago may be from before this machine's clock went wrong. */
const FRESH_MS = 600_000;
/** No server's clock is off by so much without a reason. */
const OFF_MS = 3_600_000;
const DATE = 'date';

/**
 * Notes the `Date` of an answer: those of two servers tell whether a certificate is not valid, or our clock is off.
 *
 * @param raw names and values of its headers in turns
 */
export function noteDate(server: string, raw: readonly Buffer[]): void {
  const at = raw.findIndex(
    (name, i) => i % 2 === 0 && name.length === DATE.length && name.toString('latin1').toLowerCase() === DATE,
  );
  if (at === -1) return;
  const skew = Date.parse(raw[at + 1]?.toString('latin1') ?? '') - wallNow();
  if (Number.isNaN(skew)) return;
  skews.delete(server);
  skews.set(server, { ms: skew, at: performance.now() });
  const [oldest = ''] = skews.keys();
  if (skews.size > MOST_SKEWS) skews.delete(oldest);
}

/** Whether all of these servers agree that it is another time, at which those certificates are valid that are not now. */
function isClockOff(chain: readonly DetailedPeerCertificate[]): boolean {
  const isFresh = ({ at }: { readonly at: number }): boolean => performance.now() - at < FRESH_MS;
  const fresh = [...skews.values()].filter(isFresh).map(({ ms }) => ms);
  if (fresh.length < LEAST_SKEWS) return false;
  const [least, most] = [Math.min(...fresh), Math.max(...fresh)];
  if (least < OFF_MS && most > -OFF_MS) return false;
  const isValid = (skew: number) => (certificate: DetailedPeerCertificate) => {
    const time = wallNow() + skew;
    return Date.parse(certificate.valid_from) <= time && time <= Date.parse(certificate.valid_to);
  };
  const doubted = chain.filter((certificate) => !isValid(0)(certificate));
  return doubted.length > 0 && doubted.every(isValid(least > 0 ? least : most));
}

/** What a connection that was closed without a word may mean: the server wanted a certificate. */
export function explainClose(error: Error): string | undefined {
  const { answered = true, asksForCertificate, hasCertificate } = factsOf.get(error) ?? {};
  if (answered || !asksForCertificate) return undefined;
  return hasCertificate ? TLS_WORDS.certificate_doubted : TLS_WORDS.certificate_wanted;
}

/** Its intermediates are from another organisation than its roots, and it is the most used one. */
const BESIDE_ROOTS = "Let's Encrypt";
let latest: { readonly name: string; readonly isPublic: boolean } | undefined;

/** Whether Node trusts an authority of this organisation. Searches bytes (0.5 ms): to parse all would take 0.1 s. */
function isPublic(name: string | string[] | undefined): boolean {
  if (typeof name !== 'string' || name === '') return false;
  if (latest?.name !== name) {
    // Without its BEGIN and END lines.
    const holdsName = (pem: string): boolean => Buffer.from(pem.slice(28, -26), 'base64').includes(name);
    latest = { name, isPublic: name === BESIDE_ROOTS || rootCertificates.some(holdsName) };
  }
  return latest.isPublic;
}

/** What a certificate says about it. */
function aside(cause: TlsCause, facts: TlsFacts | undefined, error: Error): string {
  const chain = facts?.chain ?? [];
  switch (cause) {
    case 'incomplete_chain':
    case 'unknown_issuer':
    case 'untrusted': {
      const issuer = nameOf(chain.at(-1)?.issuer);
      return issuer === undefined ? '' : `: ${issuer}`;
    }
    case 'wrong_name':
      return namesIn(chain[0] ?? (error as { cert?: DetailedPeerCertificate }).cert);
    case 'expired':
      return dayOf(chain, 'valid_to', Math.min);
    case 'not_yet_valid':
      return dayOf(chain, 'valid_from', Math.max);
    default:
      return '';
  }
}

const SHOWN_CHARACTERS = 60;
const SHOWN_NAMES = 3;

function nameOf(subject: DetailedPeerCertificate['issuer'] | undefined): string | undefined {
  const name = [subject?.CN ?? subject?.O ?? []].flat()[0];
  return name === undefined ? undefined : quoteText(name, SHOWN_CHARACTERS);
}

function namesIn(certificate: DetailedPeerCertificate | undefined): string {
  const names = (certificate?.subjectaltname ?? '').split(', ').filter((name) => name !== '');
  const shown = names.slice(0, SHOWN_NAMES).map((name) => name.replace(/^DNS:|^IP Address:/, ''));
  const quoted = shown.map((name) => quoteText(name, SHOWN_CHARACTERS));
  if (quoted.length === 0) return '';
  return `: ${quoted.join(', ')}${names.length > SHOWN_NAMES ? ', …' : ''}`;
}

/** The day that OpenSSL objected to: an authority's certificate may be the one. */
function dayOf(
  chain: readonly DetailedPeerCertificate[],
  end: 'valid_from' | 'valid_to',
  choose: (...times: number[]) => number,
): string {
  const times = chain.map((certificate) => Date.parse(certificate[end]));
  const certificate = chain[times.indexOf(choose(...times))];
  if (certificate === undefined) return '';
  const day = new Date(certificate[end]).toISOString().slice(0, 10);
  const whose = certificate === chain[0] ? '' : ` (that of its authority ${nameOf(certificate.subject)})`;
  return `${end === 'valid_to' ? ' on' : ': it is from'} ${day}${whose}`;
}
