import { hostPort, portOf, withoutBrackets } from '../core/host-port.ts';
import type { ConfigProblem } from './config-error.ts';
import { isUserInfoEncoded, NOT_ENCODED, textFor, whyLineBreak } from './http-fields.ts';
import type { ProxyRoutes, ProxyServer } from './proxy-routes.ts';
import type { Env } from './substitute-env.ts';

/** The setting that takes the proxy from the environment. */
export const FROM_ENVIRONMENT = 'environment';

/** The setting `proxy`: a URL, or that the environment has it. */
export const proxySetting = textFor((value) => {
  const why = value === FROM_ENVIRONMENT ? undefined : whyNotProxyUrl(value);
  return why === NOT_A_URL ? `${NOT_A_URL}, or ${FROM_ENVIRONMENT}` : why;
})
  .optional()
  .describe(
    'The proxy that the endpoints and the token service are reached through, by CONNECT: an http: or https: URL, with user and password if it wants them; or environment, for HTTPS_PROXY, HTTP_PROXY and NO_PROXY.',
  );

const NOT_A_URL = 'must be the http: or https: URL of a proxy';

/** What is wrong with the URL of a proxy, as a sentence without its subject that does not repeat it. */
function whyNotProxyUrl(value: string): string | undefined {
  const reason = whyLineBreak(value);
  if (reason !== undefined) return reason;
  const isUrl = /^https?:\/\/[^/\\\s]/i.test(value);
  if (!isUrl) return NOT_A_URL;
  if (!URL.canParse(value)) return value.includes('@') ? NOT_ENCODED : 'must be a URL that can be read';
  if (/[\s\\]/.test(value)) return 'must not hold blanks or backslashes';
  const url = new URL(value);
  if (!isUserInfoEncoded(url)) return NOT_ENCODED;
  const { user, password } = userInfoOf(url);
  // RFC 7617, section 2.
  if (user.includes(':') || /\p{Cc}/u.test(user + password)) {
    return 'must not have a colon in its user, nor a control character in its user or password';
  }
  const { pathname, search, hash } = url;
  return pathname.length > 1 || search !== '' || hash !== ''
    ? 'must not have a path, query or fragment'
    : undefined;
}

function userInfoOf({ username, password }: URL) {
  return { user: decodeURIComponent(username), password: decodeURIComponent(password) };
}

/** The routes of a client with this setting; undefined: it has none. `environment` are those of the environment. */
export function routesFor(setting: string | undefined, environment: ProxyRoutes): ProxyRoutes | undefined {
  if (setting === undefined) return undefined;
  if (setting === FROM_ENVIRONMENT) return environment;
  const server = toServer(setting);
  return { https: server, http: server, except: [] };
}

function toServer(text: string): ProxyServer {
  const url = new URL(text);
  const { user, password } = userInfoOf(url);
  const pair = Buffer.from(`${user}:${password}`).toString('base64');
  return {
    host: withoutBrackets(url.hostname),
    port: portOf(url) as number,
    secure: url.protocol === 'https:',
    name: hostPort(url),
    ...(url.username + url.password !== '' && { authorization: `Basic ${pair}` }),
  };
}

/** Variables, the first that is set counts, as in curl. Empty counts as not set. */
const VARIABLES = {
  https: ['https_proxy', 'HTTPS_PROXY'],
  http: ['http_proxy', 'HTTP_PROXY'],
  except: ['no_proxy', 'NO_PROXY'],
} as const;

/** Reads the routes that the environment has, and what is wrong with them. A URL there may lack its `http://`. */
export function readEnvironmentRoutes(env: Env): { routes: ProxyRoutes; problems: readonly ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  function find(names: readonly string[]): { path: string; text: string } | undefined {
    const path = names.find((name) => env[name]?.trim());
    return path === undefined ? undefined : { path, text: (env[path] as string).trim() };
  }
  function server(names: readonly string[]): ProxyServer | undefined {
    const { path, text = '' } = find(names) ?? {};
    if (path === undefined) return undefined;
    const url = text.includes('://') ? text : `http://${text}`;
    const message = whyNotProxyUrl(url);
    if (message === undefined) return toServer(url);
    problems.push({ path, message });
    return undefined;
  }
  const [https, http] = [server(VARIABLES.https), server(VARIABLES.http)];
  const except =
    find(VARIABLES.except)
      ?.text.split(/[\s,]+/)
      .filter(Boolean) ?? [];
  return { routes: { ...(https && { https }), ...(http && { http }), except }, problems };
}
