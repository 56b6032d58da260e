import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { type CertificateFacts, factsOf } from '../config/certificates.ts';

const LONGEST_CHAIN = 10;

/**
 * Told which certificates a server, as host:port, has shown, its own first: also if they are refused. Only when they
 * are others than before; a session that is taken up again shows none.
 */
export type OnPeerCertificates = (peer: string, chain: readonly CertificateFacts[]) => void;

/** Looks at the certificates that servers show. */
export class PeerCertificates {
  readonly #tell: OnPeerCertificates;
  /** By host and port: the fingerprint of the certificate that was shown last. */
  readonly #shown = new Map<string, string>();

  constructor(tell: OnPeerCertificates) {
    this.#tell = tell;
  }

  /** Looks once the handshake of a socket is over. */
  watch({ hostname, port }: { readonly hostname: string; readonly port: string }, socket: TLSSocket): void {
    const host = hostname.includes(':') ? `[${hostname}]` : hostname;
    const peer = `${host}:${port || '443'}`;
    // Before Node's own listener: if that refuses the certificate, nothing is left of it.
    socket.prependOnceListener('secure', () => {
      if (socket.isSessionReused()) return;
      // Not getPeerX509Certificate: it takes the certificate out of the chain that Node judges afterwards.
      const { fingerprint256 } = socket.getPeerCertificate();
      if (fingerprint256 === undefined || fingerprint256 === this.#shown.get(peer)) return;
      this.#shown.set(peer, fingerprint256);
      // With its chain it costs an eighth of a handshake.
      this.#tell(peer, chainOf(socket.getPeerCertificate(true)));
    });
  }
}

/** A server's certificate and its issuers', but for the root: that is ours to trust, not the server's to renew. */
function chainOf(certificate: DetailedPeerCertificate): CertificateFacts[] {
  const raw = [certificate.raw];
  let next = certificate.issuerCertificate;
  while (next !== undefined && next !== next.issuerCertificate && raw.length < LONGEST_CHAIN) {
    raw.push(next.raw);
    next = next.issuerCertificate;
  }
  try {
    return raw.map((bytes) => factsOf(new X509Certificate(bytes)));
  } catch {
    // Whatever a server has sent, no connection fails for telling of it.
    return [];
  }
}
