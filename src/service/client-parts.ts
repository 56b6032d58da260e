import type { Authorizer } from '../auth/authorizer.ts';
import type { AuthorizerRequest, Authorizers } from '../auth/authorizers.ts';
import { renewOnOf, tokenTimeoutMs } from '../config/client-config.ts';
import type { ResolvedClient } from '../config/config-schema.ts';
import type { AttemptParts } from '../delivery/make-attempt.ts';
import { type ClientHttp, createClientHttp, type HttpOptions } from '../http/client-http.ts';

/** What the attempts at all endpoints of a client share, and the connections beneath. */
export interface ClientParts extends Pick<AttemptParts, 'post' | 'renewOn'> {
  readonly http: ClientHttp;
  readonly authorizer: Authorizer;
}

/** How a client's endpoints are reached. */
export function networkOf(client: ResolvedClient): Omit<HttpOptions, 'connections'> {
  const { timeoutMs, connectionMaxAgeMs, allowPrivateNetwork, tlsMaterial: tls } = client;
  return { timeoutMs, connectionMaxAgeMs, allowPrivateNetwork, ...(tls && { tls }) };
}

/**
 * Opens a client's HTTP connections, and finds its authorizer.
 *
 * @param onTokenRequest told how long each request for a token took, in milliseconds
 * @throws WaybillError `TLS_SETTINGS_INVALID`, `AUTH_CONFIG_INVALID`
 */
export function openClientParts(
  client: ResolvedClient,
  connections: number,
  authorizers: Authorizers,
  onTokenRequest: ((ms: number) => void) | undefined,
  onAsked?: AuthorizerRequest['onAsked'],
): ClientParts {
  const { name, auth, allowPrivateNetwork, tlsMaterial: tls } = client;
  const http = createClientHttp({ connections, ...networkOf(client) });
  const authorizer = authorizers.get({
    client: name,
    auth,
    async post(request) {
      const asked = performance.now();
      const result = await http.post(request, request.signal);
      onTokenRequest?.(performance.now() - asked);
      return result;
    },
    timeoutMs: tokenTimeoutMs(client),
    // The engine and the load tester share a token through Redis, as they name the network alike.
    network: JSON.stringify([allowPrivateNetwork, tls ?? null]),
    ...(onAsked && { onAsked }),
  });
  return { http, post: http.post, authorizer, renewOn: renewOnOf(auth) };
}
