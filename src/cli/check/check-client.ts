import { requestToken, type TokenRequestFailure } from '../../auth/request-token.ts';
import type { IssuedToken } from '../../auth/token-answer.ts';
import { tokenServiceName } from '../../auth/token-service.ts';
import {
  asksForTokens,
  type OAuth2Config,
  TOKEN_STYLES,
  type TokenAuthConfig,
  tokenTimeoutMs,
} from '../../config/client-config.ts';
import type { ResolvedClient } from '../../config/config-schema.ts';
import { type CredentialDoubt, findCredentialDoubts } from '../../config/credential-doubts.ts';
import { createClientHttp } from '../../http/client-http.ts';
import { checkHost, type ResolveHost } from './check-host.ts';
import type { Remark } from './finding.ts';

const KEEP_ALIVE_MS = 60_000;

/**
 * Checks a client: the hosts of its endpoints and of its token service, and whether that issues a token. Endpoints are sent nothing. Never rejects for a fault of the client's.
 */
export async function checkClient(client: ResolvedClient, resolveHost: ResolveHost): Promise<Remark[]> {
  const hosts = await Promise.all(
    [...urlsByHost(client).values()].map(({ url, types }) =>
      checkHost(url, `the endpoint for ${types.join(', ')}`, client.allowPrivateNetwork, resolveHost),
    ),
  );
  return [...hosts.flat(), ...(await checkToken(client, resolveHost))];
}

const DOUBTS: Readonly<Record<CredentialDoubt['around'], string>> = {
  quotes:
    'begins and ends with a quote, and both are sent: remove them unless they are meant (docker --env-file keeps quotes)',
  blanks: 'begins or ends with a blank, and the blank is sent: remove it unless it is meant',
};

/** Warns of credentials that are probably a mistake. */
export function checkCredentials({ auth }: ResolvedClient): Remark[] {
  return findCredentialDoubts(auth).map(({ setting, around }) => ({
    level: 'warning',
    message: `${setting} ${DOUBTS[around]}`,
  }));
}

/** The types that go to each origin. */
function urlsByHost(client: ResolvedClient): Map<string, { url: URL; types: string[] }> {
  const byHost = new Map<string, { url: URL; types: string[] }>();
  for (const [type, address] of Object.entries(client.urls)) {
    const url = new URL(address);
    const entry = byHost.get(url.origin) ?? { url, types: [] };
    entry.types.push(type);
    byHost.set(url.origin, entry);
  }
  return byHost;
}

async function checkToken(client: ResolvedClient, resolveHost: ResolveHost): Promise<Remark[]> {
  const { auth, timeoutMs, allowPrivateNetwork, tlsMaterial: tls } = client;
  if (!asksForTokens(auth)) return [];
  const url = new URL(auth.type === 'oauth2' ? auth.tokenUrl : auth.url);
  const host = await checkHost(url, 'the token service', allowPrivateNetwork, resolveHost);
  // Asking for a token there would only say the same again.
  if (host.some(({ level }) => level === 'error')) return host;
  const http = createClientHttp({
    connections: 1,
    timeoutMs,
    allowPrivateNetwork,
    ...(tls === undefined ? {} : { tls }),
  });
  // The timers of requestToken do not keep a process from ending; a check has to wait for them.
  const alive = setInterval(() => {}, KEEP_ALIVE_MS);
  const ask = (config: TokenAuthConfig) =>
    requestToken(config, {
      post: (request) => http.post(request, request.signal),
      timeoutMs: tokenTimeoutMs(client),
    });
  try {
    return [...host, ...(await askForToken(auth, ask))];
  } finally {
    clearInterval(alive);
    await http.close();
  }
}

type Ask = (config: TokenAuthConfig) => Promise<IssuedToken | TokenRequestFailure>;

async function askForToken(auth: TokenAuthConfig, ask: Ask): Promise<Remark[]> {
  const token = await ask(auth);
  if ('failure' in token) {
    return [{ level: 'error', message: token.failure }, ...(await explain(auth, token, ask))];
  }
  const seconds = Math.round(token.lifetimeMs / 1_000);
  const service = tokenServiceName(auth);
  const issued: Remark = { level: 'ok', message: `${service} issued a token for ${seconds} s` };
  if (token.note === undefined) return [issued];
  return [issued, { level: 'note', message: `${service} issued a token ${token.note}` }];
}

/** What follows from the failure, as far as that can be told. */
async function explain(auth: TokenAuthConfig, failed: TokenRequestFailure, ask: Ask): Promise<Remark[]> {
  if (isNowhere(failed)) return [noteOnUrl(auth, failed)];
  if (isRefusal(failed)) return auth.type === 'oauth2' ? tryOtherStyles(auth, failed, ask) : [];
  return failed.retryAfterMs === undefined ? [] : [noteOnWait(auth, failed.retryAfterMs)];
}

function noteOnWait(auth: TokenAuthConfig, retryAfterMs: number): Remark {
  const seconds = Math.ceil(retryAfterMs / 1_000);
  return {
    level: 'note',
    message: `${tokenServiceName(auth)} wants no request for ${seconds} s (Retry-After)`,
  };
}

/** The path, or the method, is not that of a token service. */
function isNowhere({ status }: TokenRequestFailure): boolean {
  return status === 404 || status === 405 || status === 410;
}

function noteOnUrl(auth: TokenAuthConfig, { status }: TokenRequestFailure): Remark {
  const settings = auth.type === 'oauth2' ? 'auth.tokenUrl' : 'auth.url and auth.method';
  const message = `a ${status} mostly means that nothing takes requests for a token there: check ${settings}`;
  return { level: 'note', message };
}

/** The service understood the request, and does not give a token for it. */
function isRefusal({ status }: TokenRequestFailure): boolean {
  return status !== undefined && status >= 400 && status < 500 && status !== 429;
}

/** Many services take the credentials in one way only, and call them wrong in any other. */
async function tryOtherStyles(auth: OAuth2Config, refused: TokenRequestFailure, ask: Ask): Promise<Remark[]> {
  const service = tokenServiceName(auth);
  const others = TOKEN_STYLES.filter((style) => style !== auth.style);
  const told: Remark[] = [];
  for (const style of others) {
    const token = await ask({ ...auth, style });
    if (!('failure' in token)) {
      const message = `${service} issued a token in style ${style}, not in style ${auth.style}: set auth.style to ${style}`;
      return [{ level: 'note', message }];
    }
    // If style and secret are both wrong, only the right style is told of the secret; a 401 has told it already.
    const isNews = refused.status !== 401 && token.failure !== refused.failure;
    if (isNews) told.push({ level: 'note', message: `in style ${style}, ${token.failure}` });
  }
  const message = `${service} issued no token in style ${others.join(' or ')} either`;
  return [{ level: 'note', message }, ...told];
}
