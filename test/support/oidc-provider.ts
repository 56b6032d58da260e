import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Configuration, default as Provider } from 'oidc-provider';
import { onTestFinished, vi } from 'vitest';
import type { OAuth2Config } from '../../src/config/client-config.ts';
import type { Script } from '../../src/sandbox/scripts.ts';
import { uniqueClientName } from './redis.ts';

type AuthMethod = 'client_secret_basic' | 'client_secret_post';

/** An `oidc-provider` of a test's own, with one client for the sender and one for the endpoint. */
export interface OidcProvider {
  readonly url: string;
  readonly tokenUrl: string;
  /** The headers of all requests for a token. */
  readonly tokenRequests: readonly IncomingHttpHeaders[];
  /** The sender's side of it. */
  auth(changes?: Partial<OAuth2Config>): OAuth2Config;
  /** Asks its introspection, as RFC 7662 has it. */
  isActive(token: string): Promise<boolean>;
  /** Revokes a token, as RFC 7009 has it. */
  revoke(token: string): Promise<void>;
  /** An endpoint that admits active tokens. */
  readonly endpoint: Script;
}

/** How a provider differs from the usual. */
export interface OidcProviderOptions {
  /** How the sender's client is registered; default `client_secret_post`. */
  readonly method?: AuthMethod;
  /** What the provider takes of any client: it takes both ways of a secret unless told otherwise. */
  readonly onlyMethod?: AuthMethod;
  /** Of its first token, in whole seconds; later ones live for ten minutes. It may end up to a second early. */
  readonly firstLifetimeS?: number;
}

/** Each character of it that is not a letter is written otherwise in a form, and so in Basic credentials. */
const SECRET = 'a+secret of/its=own&100%:';
const ENDPOINT = { id: 'the endpoint', secret: 'known to the endpoint alone' };
const BEARER = 'Bearer ';
const LIFETIME_S = 600;

/** Starts one on a free port of 127.0.0.1; it is closed when the test is over. */
export async function startOidcProvider(options: OidcProviderOptions = {}): Promise<OidcProvider> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  // Tokens are shared through Redis under it; the blank and the sign are form-encoded as well.
  const clientId = `${uniqueClientName('way bill')}+`;
  const provider = await quietly(async () => {
    const { default: Provider } = await import('oidc-provider');
    return new Provider(url, configurationOf(clientId, options));
  });
  const tokenRequests: IncomingHttpHeaders[] = [];
  const answer: RequestListener = provider.callback();
  server.on('request', (request, response) => {
    if (request.url === '/token') tokenRequests.push(request.headers);
    answer(request, response);
  });
  const tokenUrl = `${url}/token`;
  const isActive = async (token: string): Promise<boolean> => {
    const answered = await postForm(`${url}/token/introspection`, ENDPOINT, { token });
    return ((await answered.json()) as { active: boolean }).active;
  };
  return {
    url,
    tokenUrl,
    tokenRequests,
    auth: (changes) => ({
      type: 'oauth2',
      tokenUrl,
      clientId,
      clientSecret: SECRET,
      style: 'form',
      ...changes,
    }),
    isActive,
    async revoke(token) {
      const answered = await postForm(`${url}/token/revocation`, { id: clientId, secret: SECRET }, { token });
      if (answered.status !== 200)
        throw new Error(`not revoked: ${answered.status} ${await answered.text()}`);
    },
    endpoint: async ({ headers }) => ((await isActive(bearerToken(headers))) ? 200 : 401),
  };
}

/** The token that a request carries; empty where it carries none. */
export function bearerToken({ authorization = '' }: IncomingHttpHeaders): string {
  return authorization.startsWith(BEARER) ? authorization.slice(BEARER.length) : '';
}

function configurationOf(
  clientId: string,
  { method = 'client_secret_post', onlyMethod, firstLifetimeS = LIFETIME_S }: OidcProviderOptions,
): Configuration {
  const client = (id: string, secret: string, by: AuthMethod) => ({
    client_id: id,
    client_secret: secret,
    token_endpoint_auth_method: by,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  });
  const lifetimesS = [firstLifetimeS];
  const endpoint = client(ENDPOINT.id, ENDPOINT.secret, 'client_secret_basic');
  return {
    clients: [client(clientId, SECRET, onlyMethod ?? method), endpoint],
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      devInteractions: { enabled: false },
    },
    ttl: { ClientCredentials: () => lifetimesS.shift() ?? LIFETIME_S },
    ...(onlyMethod !== undefined && { clientAuthMethods: [onlyMethod] }),
  };
}

/** It warns of what it is not meant for: tokens in memory, keys of its own making, Node before 22. */
async function quietly(make: () => Promise<Provider>): Promise<Provider> {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  try {
    return await make();
  } finally {
    warn.mockRestore();
  }
}

function postForm(
  url: string,
  { id, secret }: { readonly id: string; readonly secret: string },
  fields: Record<string, string>,
): Promise<Response> {
  const credentials = `${encodeURIComponent(id)}:${encodeURIComponent(secret)}`;
  const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
  return fetch(url, { method: 'POST', headers: { authorization }, body: new URLSearchParams(fields) });
}
