import { requestToken, type TokenRefused, type TokenRequestFailure } from '../auth/request-token.ts';
import type { IssuedToken } from '../auth/token-answer.ts';
import { tokenServiceName } from '../auth/token-service.ts';
import { TOKEN_STYLES } from '../config/auth-config.ts';
import {
  asksForTokens,
  type OAuth2Config,
  type TokenAuthConfig,
  tokenTimeoutMs,
  tokenUrlOf,
} from '../config/client-config.ts';
import { networkOf, type ResolvedClient, tokenTlsOf } from '../config/config-schema.ts';
import type { CredentialDoubt } from '../config/credential-doubts.ts';
import { keepProcessAlive } from '../core/time.ts';
import { createClientHttp } from '../http/client-http.ts';
import { checkConnection, checkHost } from './check-host.ts';
import { type Remark, remark } from './finding.ts';
import type { ResolveHost } from './resolve-host.ts';

/**
 * Connects to the origins of a client's endpoints, and asks for a token; endpoints are sent nothing. Never rejects for
 * a client's fault.
 */
export async function checkClient(
  client: ResolvedClient,
  resolveHost: ResolveHost,
  signal?: AbortSignal,
): Promise<Remark[]> {
  const typesByOrigin = new Map<string, string[]>();
  for (const { type, url } of Object.values(client.endpoints)) {
    const { origin } = new URL(url);
    typesByOrigin.set(origin, [...(typesByOrigin.get(origin) ?? []), type]);
  }
  const hosts = await Promise.all(
    [...typesByOrigin].map(async ([origin, types]) => {
      const [url, what] = [new URL(origin), `the endpoint for ${types.join(', ')}`];
      const found = await checkHost(url, what, client, resolveHost);
      if (found.some(({ level }) => level === 'error')) return found;
      return [...found, ...(await checkConnection(url, what, client, resolveHost, signal))];
    }),
  );
  return [...hosts.flat(), ...(await checkToken(client, resolveHost, signal))];
}

const DOUBTS: Readonly<Record<CredentialDoubt['around'], string>> = {
  quotes:
    'begins and ends with a quote, and both are sent: remove them unless they are meant (docker --env-file keeps quotes)',
  blanks: 'begins or ends with a blank, and the blank is sent: remove it unless it is meant',
};

/** Warns of credentials that are probably a mistake. */
export function describeDoubts(doubts: readonly CredentialDoubt[]): Remark[] {
  return doubts.map(({ setting, around }) => remark('warning', `${setting} ${DOUBTS[around]}`));
}

async function checkToken(
  client: ResolvedClient,
  resolveHost: ResolveHost,
  signal: AbortSignal | undefined,
): Promise<Remark[]> {
  const { auth } = client;
  const tls = tokenTlsOf(client);
  if (!asksForTokens(auth)) return [];
  const url = new URL(tokenUrlOf(auth));
  const host = await checkHost(url, 'the token service', client, resolveHost);
  // Asking for a token there would only say the same again.
  if (host.some(({ level }) => level === 'error')) return host;
  const http = createClientHttp({ ...networkOf(client), connections: 1, ...(tls && { tls }) });
  // The timers of requestToken do not keep a process from ending; a check has to wait for them.
  const letEnd = keepProcessAlive();
  const ask = (config: TokenAuthConfig) =>
    requestToken(config, {
      post: (request) => http.post(request, request.signal),
      timeoutMs: tokenTimeoutMs(client),
      ...(signal && { signal }),
    });
  try {
    return [...host, ...(await askForToken(auth, ask))];
  } finally {
    letEnd();
    await http.close();
  }
}

type Ask = (config: TokenAuthConfig) => Promise<IssuedToken | TokenRequestFailure>;

async function askForToken(auth: TokenAuthConfig, ask: Ask): Promise<Remark[]> {
  const token = await ask(auth);
  const service = tokenServiceName(auth);
  if ('failure' in token) {
    const remarks = token.calledOff ? [] : await explain(auth, service, token, ask);
    return [remark('error', token.failure, 'token'), ...remarks];
  }
  const seconds = Math.round(token.lifetimeMs / 1_000);
  const issued = remark('ok', `${service} issued a token for ${seconds} s`);
  return token.note === undefined
    ? [issued]
    : [issued, remark('note', `${service} issued a token ${token.note}`)];
}

/** What follows from the failure, as far as that can be told. */
async function explain(
  auth: TokenAuthConfig,
  service: string,
  failed: TokenRefused,
  ask: Ask,
): Promise<Remark[]> {
  const { status = 0, retryAfterMs } = failed;
  if (retryAfterMs !== undefined) {
    return [
      remark('note', `${service} wants no request for ${Math.ceil(retryAfterMs / 1_000)} s (Retry-After)`),
    ];
  }
  const { works, remarks } =
    auth.type === 'oauth2' && mayBeOfStyle(failed)
      ? await tryOtherStyles(auth, service, failed, ask)
      : { works: false, remarks: [] };
  // The path, or the method, is not that of a token service.
  if (!works && (status === 404 || status === 405 || status === 410)) {
    const settings = auth.type === 'oauth2' ? 'auth.tokenUrl' : 'auth.url and auth.method';
    const meaning = `a ${status} mostly means that nothing takes requests for a token there`;
    return [remark('note', `${meaning}: check ${settings}`)];
  }
  return remarks;
}

/** Errors that no other style would mend. */
const NOT_OF_STYLE = new Set(['invalid_scope', 'unauthorized_client', 'unsupported_grant_type']);

/** Some services answer a style that they do not know with a 404 or a 500. */
function mayBeOfStyle({ status, error }: TokenRefused): boolean {
  if (status === undefined || status === 429 || (status >= 300 && status <= 399)) return false;
  return !NOT_OF_STYLE.has(error ?? '');
}

/** Many services take the credentials in one way only, and call them wrong in any other. */
async function tryOtherStyles(
  auth: OAuth2Config,
  service: string,
  refused: TokenRefused,
  ask: Ask,
): Promise<{ readonly works: boolean; readonly remarks: Remark[] }> {
  const others = TOKEN_STYLES.filter((style) => style !== auth.style);
  const told: Remark[] = [];
  for (const style of others) {
    const token = await ask({ ...auth, style });
    if (!('failure' in token)) {
      const issued = `${service} issued a token in style ${style}, not in style ${auth.style}`;
      return { works: true, remarks: [remark('note', `${issued}: set auth.style to ${style}`)] };
    }
    // If style and secret are both wrong, only the right style is told of the secret; a 401 has told it already.
    const isNews = refused.status !== 401 && token.failure !== refused.failure;
    if (isNews) told.push(remark('note', `in style ${style}, ${token.failure}`));
  }
  const none = remark('note', `${service} issued no token in style ${others.join(' or ')} either`);
  return { works: false, remarks: [none, ...told] };
}
