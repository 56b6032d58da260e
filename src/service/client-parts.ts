import type { Authorizer } from '../auth/authorizer.ts';
import type { AuthorizerRequest, Authorizers } from '../auth/authorizers.ts';
import { createSigner } from '../auth/signer.ts';
import { renewOnOf, tokenTimeoutMs } from '../config/client-config.ts';
import { networkOf, type ResolvedClient, tokenTlsOf } from '../config/config-schema.ts';
import type { AttemptParts } from '../delivery/make-attempt.ts';
import { createClientHttp, type HttpOptions } from '../http/client-http.ts';

/** What the attempts at all endpoints of a client share, and the connections beneath. */
export interface ClientParts {
  readonly attempt: Pick<AttemptParts, 'post' | 'renewOn' | 'signer'> & { readonly authorizer: Authorizer };
  /** Opens connections with the TLS settings of this client from now on: its files have new contents. */
  renewTls(client: ResolvedClient): void;
  /** Calls off what is under way, and closes all connections. */
  close(): Promise<void>;
}

/** Who is told of what happens beside the attempts. */
export interface PartsListeners extends Pick<AuthorizerRequest, 'onAsked'> {
  /** How long each request for a token took, in milliseconds. */
  readonly onTokenRequest?: ((ms: number) => void) | undefined;
  readonly onPeerCertificates?: HttpOptions['onPeerCertificates'];
}

/**
 * Opens a client's HTTP connections, and finds its authorizer and its signer.
 *
 * @throws WaybillError `TLS_SETTINGS_INVALID`, `AUTH_CONFIG_INVALID`
 */
export function openClientParts(
  client: ResolvedClient,
  connections: number,
  authorizers: Authorizers,
  { onTokenRequest, onAsked, onPeerCertificates }: PartsListeners = {},
): ClientParts {
  const { name, auth, allowPrivateNetwork, authTlsMaterial, proxy } = client;
  const network = { ...networkOf(client), connections, onPeerCertificates };
  const http = createClientHttp(network);
  const tokenHttp =
    authTlsMaterial === undefined
      ? http
      : createClientHttp({ ...network, connections: 1, tls: authTlsMaterial });
  const authorizer = authorizers.get({
    client: name,
    auth,
    async post(request) {
      const asked = performance.now();
      const result = await tokenHttp.post(request, request.signal);
      onTokenRequest?.(performance.now() - asked);
      return result;
    },
    timeoutMs: tokenTimeoutMs(client),
    // The engine and the load tester share a token through Redis, as they name the network alike.
    network: JSON.stringify([allowPrivateNetwork, tokenTlsOf(client) ?? null, ...(proxy ? [proxy] : [])]),
    ...(onAsked && { onAsked }),
  });
  const signer = createSigner(auth, client.signing);
  return {
    attempt: { post: http.post, authorizer, signer, renewOn: renewOnOf(auth) },
    renewTls({ tlsMaterial, authTlsMaterial }) {
      if (tlsMaterial !== undefined) http.renewTls(tlsMaterial);
      if (authTlsMaterial !== undefined) tokenHttp.renewTls(authTlsMaterial);
    },
    async close() {
      await Promise.all([http, ...(tokenHttp === http ? [] : [tokenHttp])].map((one) => one.close()));
    },
  };
}
