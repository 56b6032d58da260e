/** Why TLS did not come about, in words that begin what is told; a report is made from them, too. */
export const TLS_WORDS = {
  certificate_wanted: 'it asks for a client certificate of ours, and we have none',
  certificate_refused: 'it does not accept our client certificate',
  certificate_expired: 'it says that our client certificate has expired',
  certificate_doubted: 'it asked for our client certificate, and may not accept it',
  http2_only: 'it speaks HTTP/2 only, and we speak HTTP/1.1',
  old_protocol: 'its TLS is older than TLS 1.2, or than our tls.minVersion',
  nothing_shared: 'it has no cipher suite in common with us, or wants something else that we lack',
  plain_text: 'it does not speak TLS at this port: the URL may have to begin with http:',
  tls_expected: 'it speaks TLS at this port: the URL may have to begin with https:',
  self_signed: 'its certificate is signed by itself',
  incomplete_chain: 'it does not send its intermediate certificates',
  unknown_issuer:
    'its certificate is of an authority that is unknown here, or it does not send its intermediates',
  untrusted: 'its certificate is of an authority that is not trusted here',
  wrong_name: 'its certificate is for another name',
  expired: 'its certificate has expired',
  clock_off: "its certificate is valid, but not by this machine's clock, which is off",
  not_yet_valid: "its certificate is not valid yet, or this machine's clock is behind",
} as const;

/** Why TLS did not come about. */
export type TlsCause = keyof typeof TLS_WORDS;

/** The cause that a sentence of `describeFailure` tells of. */
export function tlsCauseIn(detail: string): TlsCause | undefined {
  return (Object.keys(TLS_WORDS) as TlsCause[]).find((cause) => detail.includes(TLS_WORDS[cause]));
}

/** What is known of a connection beside the code of its error. */
export interface KnownOfTls {
  /** Whether the server asked for a client certificate. */
  readonly asksForCertificate: boolean;
  /** Whether there is one to show. */
  readonly hasCertificate: boolean;
  /** How many the server sent. */
  readonly certificates: number;
  /** Whether a public authority issued the only one. */
  readonly isIssuerPublic: boolean;
  /** Whether the certificates are valid by the clocks of other servers. */
  readonly isClockOff: boolean;
}

/** Alerts that a server answers our certificate with, or that we sent none (RFC 8446, section 6.2). */
const ABOUT_OURS =
  /ALERT_(?:HANDSHAKE_FAILURE|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED|CERTIFICATE_UNKNOWN|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR)$/;

/** By the end of the code: OpenSSL 3.2 calls alerts otherwise. */
const CAUSES: ReadonlyArray<readonly [code: RegExp, cause: TlsCause]> = [
  [/ALERT_CERTIFICATE_REQUIRED$/, 'certificate_wanted'],
  [/ALERT_CERTIFICATE_EXPIRED$/, 'certificate_expired'],
  [/NO_APPLICATION_PROTOCOL$/, 'http2_only'],
  [/ALERT_PROTOCOL_VERSION$|UNSUPPORTED_PROTOCOL$|WRONG_SSL_VERSION$/, 'old_protocol'],
  [/ALERT_HANDSHAKE_FAILURE$|ALERT_INSUFFICIENT_SECURITY$/, 'nothing_shared'],
  [/WRONG_VERSION_NUMBER$|PACKET_LENGTH_TOO_LONG$|HTTP_REQUEST$/, 'plain_text'],
  [ABOUT_OURS, 'certificate_refused'],
  [/^DEPTH_ZERO_SELF_SIGNED_CERT$/, 'self_signed'],
  [/^SELF_SIGNED_CERT_IN_CHAIN$|^CERT_(?:UNTRUSTED|SIGNATURE_FAILURE)$|^INVALID_CA$/, 'untrusted'],
  [/^UNABLE_TO_(?:GET_ISSUER_CERT|GET_ISSUER_CERT_LOCALLY|VERIFY_LEAF_SIGNATURE)$/, 'unknown_issuer'],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$|^HOSTNAME_MISMATCH$/, 'wrong_name'],
  [/^CERT_HAS_EXPIRED$/, 'expired'],
  [/^CERT_NOT_YET_VALID$/, 'not_yet_valid'],
];

/** Finds the cause behind a code of Node's or OpenSSL's; undefined: there are no words for it. */
export function findTlsCause(code: string, known: KnownOfTls | undefined): TlsCause | undefined {
  if (known?.asksForCertificate && ABOUT_OURS.test(code)) {
    return known.hasCertificate ? 'certificate_refused' : 'certificate_wanted';
  }
  const cause = CAUSES.find(([pattern]) => pattern.test(code))?.[1];
  if (known?.isClockOff && (cause === 'expired' || cause === 'not_yet_valid')) return 'clock_off';
  if (cause !== 'unknown_issuer' || known === undefined) return cause;
  // Its last certificate leads to nothing known here, and there was more than its own.
  if (known.certificates > 1) return 'untrusted';
  return known.isIssuerPublic ? 'incomplete_chain' : cause;
}
