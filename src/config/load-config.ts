import { dirname, resolve } from 'node:path';
import { type RetryPolicy, totalDelayMs } from '../core/backoff.ts';
import { checkTree } from './check-config.ts';
import type { ClientConfig } from './client-config.ts';
import { ConfigError, type ConfigIssue, type ConfigProblem, placeOf } from './config-error.ts';
import {
  type Config,
  type ConfigFile,
  configSchema,
  type ResolvedClient,
  type ResolvedEndpoint,
  type TlsMaterial,
} from './config-schema.ts';
import { resolveUrl } from './http-fields.ts';
import { FROM_ENVIRONMENT, readEnvironmentRoutes, routesFor } from './proxy-config.ts';
import type { ProxyRoutes } from './proxy-routes.ts';
import { readTextFile } from './read-text-file.ts';
import { readYaml, type YamlTree } from './read-yaml.ts';
import { type Env, substituteEnv } from './substitute-env.ts';
import { readTlsFiles } from './tls-files.ts';
import { isInTokenBody } from './token-service-config.ts';

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

/** The configuration file as it stands. @throws ConfigError if it cannot be read */
export function readConfigText(file: string): string {
  const read = readTextFile(file, MAX_BYTES);
  if (read.ok) return read.text;
  const isMissing = (read.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
  const message = isMissing ? 'does not exist; "waybill init" writes one to begin with' : read.message;
  throw new ConfigError(resolve(file), [{ path: '$', message }], { cause: read.cause });
}

/** As `loadConfig`, for a text that is taken to stand in `file`: relative paths in it start from there. */
export function parseConfig(text: string, file: string, env: Env = process.env): Config {
  const path = resolve(file);
  const directory = dirname(path);
  const yaml = readYaml(text);
  if (!yaml.ok) throw new ConfigError(path, yaml.problems);

  // An empty file lacks settings, as every other; it is not of a wrong type.
  const substituted = substituteEnv(yaml.tree.value ?? {}, env, directory);
  const tls = readTlsFiles(substituted.value, directory, yaml.tree.value);
  const { value, issues: ofSchema } = checkTree(configSchema, substituted.value);
  const others = [...tls.issues, ...ofSchema.map((issue) => nameOrigin(issue, substituted.lineBreaks))];
  const causes = [...yaml.tree.issues, ...substituted.issues, ...respelledIssues(yaml.tree, ofSchema)];
  const { secretKey, problems: ofKey } = readSecretKey(env);
  const proxies = readEnvironmentRoutes(env);
  const problems = [...ofKey, ...(asksEnvironment(substituted.value) ? proxies.problems : [])];
  // What follows from a cause is not said again: `${HOST}`, unset, is no URL either.
  const issues = [...causes, ...elsewhere(others, causes)];
  if (value === undefined || issues.length + problems.length > 0) {
    throw new ConfigError(path, [...yaml.tree.toProblems(issues), ...problems]);
  }
  const config = resolveConfig(value, path, tls.byClient, proxies.routes);
  return deepFreeze(secretKey === undefined ? config : { ...config, secretKey });
}

/** Adds to an issue about a line break where the line break came from. */
function nameOrigin(issue: ConfigIssue, lineBreaks: ReadonlyMap<string, string>): ConfigIssue {
  const origin = lineBreaks.get(placeOf(issue.keys));
  if (origin === undefined || !issue.message.endsWith(' a line break')) return issue;
  return { ...issue, message: `${issue.message} ${origin}` };
}

const QUOTES = 'put it in quotes if it is text';
const LOSES_DIGITS = `is a number that loses digits: ${QUOTES}, shorten it if not`;
const RESPELLED = `is a number that is sent in another spelling: ${QUOTES}, spell it like 1000 or 0.5 if not`;

/**
 * Refuses numbers that are not what was written: everywhere if they lose digits, and by their spelling in the body of a
 * token service, which is sent as the file has it. The sentences do not repeat the number, since it may be a password.
 *
 * @param known issues of the schema, which say more of the same places
 */
function respelledIssues({ respelled }: YamlTree, known: readonly ConfigIssue[]): ConfigIssue[] {
  return elsewhere(respelled, known)
    .filter(({ keys, losesDigits }) => losesDigits || isInTokenBody(keys))
    .map(({ keys, losesDigits }) => ({ keys, message: losesDigits ? LOSES_DIGITS : RESPELLED }));
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

function resolveConfig(
  config: ConfigFile,
  file: string,
  tls: ReadonlyMap<string, TlsMaterial>,
  environment: ProxyRoutes,
): Config {
  const directory = dirname(file);
  const clients: Record<string, ResolvedClient> = Object.create(null);
  for (const [name, client] of Object.entries(config.clients)) {
    clients[name] = resolveClient(name, client, tls.get(name), routesFor(client.proxy, environment));
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
  { proxy: _, ...client }: ClientConfig,
  tlsMaterial: TlsMaterial | undefined,
  proxy: ProxyRoutes | undefined,
): ResolvedClient {
  const endpoints: Record<string, ResolvedEndpoint> = Object.create(null);
  for (const [type, { path, ratePerSecond, ...own }] of Object.entries(client.endpoints)) {
    const retry = { ...client.retry, ...(own.retry as Partial<RetryPolicy>) };
    endpoints[type] = {
      client: name,
      type,
      url: resolveUrl(client.baseUrl, path),
      concurrency: own.concurrency ?? client.concurrency,
      timeoutMs: own.timeoutMs ?? client.timeoutMs,
      maxAgeHours: own.maxAgeHours ?? client.maxAgeHours,
      retry,
      pace: resolvePace(own.pace ?? client.pace, retry),
      ...(ratePerSecond === undefined ? {} : { ratePerSecond }),
    };
  }
  return { ...client, name, endpoints, ...(tlsMaterial && { tlsMaterial }), ...(proxy && { proxy }) };
}

/** What is held for no time is not held. */
function resolvePace({ mode, holdMs, minPerSecond }: ClientConfig['pace'], retry: RetryPolicy) {
  const longest = holdMs ?? Math.max(SHORTEST_HOLD_MS, totalDelayMs(retry));
  return { mode: longest === 0 ? ('fixed' as const) : mode, holdMs: longest, minPerSecond };
}

/** Keeps what stands at other places than `others`. */
function elsewhere<Placed extends Pick<ConfigIssue, 'keys'>>(
  placed: readonly Placed[],
  others: readonly Pick<ConfigIssue, 'keys'>[],
): Placed[] {
  const places = new Set(others.map(({ keys }) => placeOf(keys)));
  return placed.filter(({ keys }) => !places.has(placeOf(keys)));
}

/** Freezes a value and everything in it, and returns it. For trees, such as a configuration. */
function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
