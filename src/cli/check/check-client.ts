import { requestToken } from '../../auth/request-token.ts';
import { asksForTokens } from '../../core/client-config.ts';
import type { ResolvedClient } from '../../core/config-schema.ts';
import { createClientHttp } from '../../http/client-http.ts';
import { checkHost, type ResolveHost } from './check-host.ts';
import { type CheckFinding, clientSubject, type Level } from './finding.ts';

/** Enough for every token service's answer. */
const TOKEN_ANSWER_BYTES = 65_536;
const KEEP_ALIVE_MS = 60_000;

/**
 * Checks what a client is reached by: the hosts of its endpoints and of its token service, and the token
 * itself. Endpoints are sent nothing. Never rejects for a fault of the client's.
 */
export async function checkClient(client: ResolvedClient, resolveHost: ResolveHost): Promise<CheckFinding[]> {
  const subject = clientSubject(client.name);
  const about = ({ level, message }: { level: Level; message: string }): CheckFinding => ({
    level,
    subject,
    message,
  });
  const hosts = await Promise.all(
    [...urlsByHost(client)].map(([, { url, types }]) =>
      checkHost(url, `the endpoint for ${types.join(', ')}`, client.allowPrivateNetwork, resolveHost),
    ),
  );
  return [...hosts.flat().map(about), ...(await checkToken(client, resolveHost)).map(about)];
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

async function checkToken(
  client: ResolvedClient,
  resolveHost: ResolveHost,
): Promise<{ level: Level; message: string }[]> {
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
  try {
    const token = await requestToken(auth, {
      post: (request) => http.post({ ...request, keepBodyBytes: TOKEN_ANSWER_BYTES }, request.signal),
    });
    if ('failure' in token) return [...host, { level: 'error', message: token.failure }];
    const seconds = Math.round(token.lifetimeMs / 1_000);
    const message = `token service ${url.origin}${url.pathname} issued a token for ${seconds} s`;
    return [...host, { level: 'ok', message }];
  } finally {
    clearInterval(alive);
    await http.close();
  }
}
