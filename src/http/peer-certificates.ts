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

  /** Looks once the handshake of a socket with a server, named as host:port, is over. */
  watch(peer: string, socket: TLSSocket): void {
    // Before Node's own listener: if that refuses the certificate, nothing is left of it.
    socket.prependOnceListener('secure', () => {
      if (socket.isSessionReused()) return;
      try {
        // Not getPeerX509Certificate: it takes the certificate out of the chain that Node judges afterwards.
        const { fingerprint256 } = socket.getPeerCertificate();
        if (fingerprint256 === undefined || fingerprint256 === this.#shown.get(peer)) return;
        this.#shown.set(peer, fingerprint256);
        // With its chain it costs an eighth of a handshake.
        this.#tell(peer, peerChain(socket));
      } catch {
        // Whatever a server has sent, no connection fails for telling of it.
      }
    });
  }
}

/**
 * A server's certificate and its issuers', but for the root: that is ours to trust, not the server's to renew. Empty if
 * one cannot be read.
 */
export function peerChain(socket: TLSSocket): CertificateFacts[] {
  try {
    return chainOf(socket)
      .filter((one, index) => index === 0 || one !== one.issuerCertificate)
      .map(({ raw }) => factsOf(new X509Certificate(raw)));
  } catch {
    return [];
  }
}

/** A server's certificate and its issuers', with the root if it is known. Throws if one cannot be read. */
export function chainOf(socket: TLSSocket): DetailedPeerCertificate[] {
  const chain: DetailedPeerCertificate[] = [];
  const seen = new Set<string>();
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true) ?? undefined;
  // A root names itself as its issuer.
  while (next?.raw !== undefined && !seen.has(next.fingerprint256) && chain.length < LONGEST_CHAIN) {
    chain.push(next);
    seen.add(next.fingerprint256);
    next = next.issuerCertificate;
  }
  return chain;
}
