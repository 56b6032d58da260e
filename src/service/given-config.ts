import { ConfigError } from '../config/config-error.ts';
import type { Config, ConfigInput } from '../config/config-schema.ts';
import { loadConfig, loadConfigWithoutTls, parseConfig } from '../config/load-config.ts';

/** What a configuration that is given as an object is taken to stand in. */
const OBJECT_FILE = 'waybill.yaml';

/**
 * The configuration that a program gives: one that is ready, the path of a file, or what `waybill.yaml` would say, as
 * an object.
 *
 * @param tlsFiles whether the files that it names are read; one that is ready has its own
 * @throws ConfigError
 */
export function takeConfig(config: Config | ConfigInput | string, tlsFiles: 'read' | 'unread'): Config {
  const isRead = tlsFiles === 'read';
  if (typeof config === 'string') return isRead ? loadConfig(config) : loadConfigWithoutTls(config);
  if (isLoaded(config)) return config;
  let text: string | undefined;
  try {
    text = JSON.stringify(config);
  } catch (cause) {
    const message = 'cannot be written as JSON: it holds itself, or a value that JSON has not';
    throw new ConfigError('', [{ path: '$', message }], { cause });
  }
  try {
    // JSON is YAML; a value without JSON lacks everything.
    return parseConfig(text ?? 'null', OBJECT_FILE, undefined, isRead ? [] : 'unread');
  } catch (error) {
    throw error instanceof ConfigError ? ofObject(error) : error;
  }
}

/** An object is in no file, and has no lines. */
function ofObject({ problems }: ConfigError): ConfigError {
  return new ConfigError(
    '',
    problems.map(({ path, message }) => ({ path, message })),
  );
}

function isLoaded(config: Config | ConfigInput): config is Config {
  return typeof config === 'object' && config !== null && 'file' in config && 'dataDir' in config;
}
