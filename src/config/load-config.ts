import { dirname, resolve } from 'node:path';
import { type RetryPolicy, totalDelayMs } from '../core/backoff.ts';
import { findEventType } from '../core/event-types.ts';
import { checkTree } from './check-config.ts';
import { type AuthConfig, asksForTokens, type ClientConfig } from './client-config.ts';
import { mergeDefaults } from './client-defaults.ts';
import { ConfigError, type ConfigProblem, placeOf } from './config-error.ts';
import {
  type Config,
  type ConfigFile,
  type ResolvedClient,
  type ResolvedEndpoint,
  tlsMaterialOf,
  wholeConfigSchema,
} from './config-schema.ts';
import { mergeHeaders } from './endpoint-headers.ts';
import { findIssues } from './find-issues.ts';
import { resolveUrl } from './http-fields.ts';
import { FROM_ENVIRONMENT, readEnvironmentRoutes, routesFor } from './proxy-config.ts';
import type { ProxyRoutes } from './proxy-routes.ts';
import { type FileReading, readTextFile } from './read-text-file.ts';
import { readYaml } from './read-yaml.ts';
import { findMailIssues } from './smtp-config.ts';
import { type Env, type Substituted, substituteEnv } from './substitute-env.ts';
import { type ClientTlsFiles, readTlsFiles } from './tls-files.ts';

const DEFAULT_DATA_DIR = '.waybill';
/** Enough for over a thousand clients with all of their settings. */
const MAX_BYTES = 1024 * 1024;
/** The longest hold is at least as long by default. */
const SHORTEST_HOLD_MS = 120_000;
const SECRET_KEY = 'WAYBILL_SECRET_KEY';
/** Shorter ones can be guessed. */
const SECRET_KEY_LENGTH = 16;

/**
 * Reads the configuration file and all that it refers to. Throws a ConfigError with every problem at once;
 * the result is frozen.
 */
export function loadConfig(file: string, env: Env = process.env): Config {
  return parseConfig(readConfigText(file), file, env);
}

/**
 * As `loadConfig`, for what connects to no client: TLS files are not read. They may be on another machine, and while
 * they are being renewed one may not fit the other.
 */
export function loadConfigWithoutTls(file: string): Config {
  return parseConfig(readConfigText(file), file, process.env, 'unread');
}

/** The configuration file as it stands. @throws ConfigError if it cannot be read */
export function readConfigText(file: string): string {
  const read = readTextFile(file, MAX_BYTES);
  if (read.ok) return read.text;
  const isMissing = (read.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
  const message = isMissing ? 'does not exist; "waybill init" writes one to begin with' : read.message;
  throw new ConfigError(resolve(file), [{ path: '$', message }], { cause: read.cause });
}

/**
 * As `loadConfig`, for a text that is taken to stand in `file`: relative paths in it start from there.
 *
 * @param held by absolute path: the contents of TLS files that are not to be read again; `unread`: no such file is read
 */
export function parseConfig(
  text: string,
  file: string,
  env: Env = process.env,
  held: Iterable<readonly [string, string]> | 'unread' = [],
): Config {
  const path = resolve(file);
  const directory = dirname(path);
  const yaml = readYaml(text);
  if (!yaml.ok) throw new ConfigError(path, yaml.problems);

  // An empty file lacks settings, as every other; it is not of a wrong type.
  const merged = mergeDefaults(yaml.tree.value ?? {}, (keys) => yaml.tree.empty.has(placeOf(keys)));
  const substituted = substituteEnv(merged, env, directory);
  const tls =
    held === 'unread'
      ? { byClient: new Map<string, ClientTlsFiles>(), issues: [] }
      : readTlsFiles(substituted.value, directory, merged, readingsOf(held));
  const { value, issues: ofValues } = checkTree(wholeConfigSchema, substituted.value);
  const ofSchema = [...ofValues, ...findMailIssues(substituted.value)];
  const { secretKey, problems: ofKey } = readSecretKey(env);
  const proxies = readEnvironmentRoutes(env);
  const problems = [...ofKey, ...(asksEnvironment(substituted.value) ? proxies.problems : [])];
  const issues = findIssues({ yaml: yaml.tree, merged, substituted, ofTls: tls.issues, ofSchema });
  if (value === undefined || issues.length + problems.length > 0) {
    throw new ConfigError(path, [...yaml.tree.toProblems(issues), ...problems]);
  }
  const referred = { tls: tls.byClient, texts: substituted.referred, environment: proxies.routes };
  const config = resolveConfig(value, path, referred);
  return deepFreeze(secretKey === undefined ? config : { ...config, secretKey });
}

function readingsOf(held: Iterable<readonly [string, string]>): Map<string, FileReading> {
  return new Map([...held].map(([path, text]) => [path, { ok: true, text }]));
}

/** Empty counts as not set: that is how a missing variable is passed on. */
function readSecretKey(env: Env): { secretKey?: string; problems: readonly ConfigProblem[] } {
  const secretKey = env[SECRET_KEY]?.trim() ?? '';
  if (secretKey === '') return { problems: [] };
  if (secretKey.length >= SECRET_KEY_LENGTH) return { secretKey, problems: [] };
  const message = `must have at least ${SECRET_KEY_LENGTH} characters, found ${secretKey.length}`;
  return { problems: [{ path: SECRET_KEY, message }] };
}

/** Whether a client's proxy is that of the environment, in a tree that is not known to be valid. */
function asksEnvironment(tree: unknown): boolean {
  const { clients } = (tree ?? {}) as { clients?: Readonly<Record<string, { proxy?: unknown } | null>> };
  return Object.values(clients ?? {}).some((client) => client?.proxy === FROM_ENVIRONMENT);
}

/** What the settings of clients refer to. */
interface Referred {
  readonly tls: ReadonlyMap<string, ClientTlsFiles>;
  /** By place, the texts that `${…}` stood for. */
  readonly texts: Substituted['referred'];
  /** The proxies that the environment names. */
  readonly environment: ProxyRoutes;
}

function resolveConfig({ defaults: _, ...config }: ConfigFile, file: string, referred: Referred): Config {
  const directory = dirname(file);
  const clients: Record<string, ResolvedClient> = Object.create(null);
  for (const [name, client] of Object.entries(config.clients)) {
    clients[name] = resolveClient(name, client, referred);
  }
  return {
    ...config,
    file,
    directory,
    dataDir: resolve(directory, config.dataDir ?? DEFAULT_DATA_DIR),
    clients,
  };
}

function resolveClient(
  name: string,
  { proxy: setting, ...client }: ClientConfig,
  { tls: files, texts, environment }: Referred,
): ResolvedClient {
  const keys = ['clients', name];
  const ofClient = { headers: client.headers, keys: [...keys, 'headers'] };
  const endpoints: Record<string, ResolvedEndpoint> = Object.create(null);
  for (const [type, { path = findEventType(type)?.path ?? '', ratePerSecond, ...own }] of Object.entries(
    client.endpoints,
  )) {
    const retry = { ...client.retry, ...(own.retry as Partial<RetryPolicy>) };
    const ofEndpoint = { headers: own.headers, keys: [...keys, 'endpoints', type, 'headers'] };
    endpoints[type] = {
      client: name,
      type,
      url: resolveUrl(client.baseUrl, path),
      concurrency: own.concurrency ?? client.concurrency,
      timeoutMs: own.timeoutMs ?? client.timeoutMs,
      maxAgeHours: own.maxAgeHours ?? client.maxAgeHours,
      retry,
      pace: resolvePace(own.pace ?? client.pace, retry),
      ...mergeHeaders([ofClient, ofEndpoint], texts),
      ...(ratePerSecond === undefined ? {} : { ratePerSecond }),
    };
  }
  const { tls } = client;
  const auth = withSecrets(client.auth, texts, [...keys, 'auth', 'parameters']);
  const authTls = asksForTokens(auth) ? auth.tls : undefined;
  const proxy = routesFor(setting, environment);
  return {
    ...client,
    auth,
    name,
    endpoints,
    ...(tls && { tlsMaterial: tlsMaterialOf(tls, files.get(name)?.tls) }),
    ...(authTls && { authTlsMaterial: tlsMaterialOf(authTls, files.get(name)?.authTls) }),
    ...(proxy && { proxy }),
  };
}

/** Notes which values of `parameters` came from `${…}`. */
function withSecrets(
  auth: ClientConfig['auth'],
  referred: Substituted['referred'],
  keys: readonly PropertyKey[],
): AuthConfig {
  if (auth.type !== 'oauth2') return auth;
  const secretParameters = Object.entries(auth.parameters ?? {}).flatMap(([name, value]) => {
    const texts = referred.get(placeOf([...keys, name]));
    return texts === undefined ? [] : [value, ...texts];
  });
  return secretParameters.length === 0 ? auth : { ...auth, secretParameters };
}

/** What is held for no time is not held. */
function resolvePace({ mode, holdMs, minPerSecond }: ClientConfig['pace'], retry: RetryPolicy) {
  const longest = holdMs ?? Math.max(SHORTEST_HOLD_MS, totalDelayMs(retry));
  return { mode: longest === 0 ? ('fixed' as const) : mode, holdMs: longest, minPerSecond };
}

/** Freezes a value and everything in it, and returns it. For trees, such as a configuration. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
