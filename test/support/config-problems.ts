import { ConfigError } from '../../src/config/config-error.ts';
import { parseConfig } from '../../src/config/load-config.ts';

/** Where the texts under test are taken to stand; there is no such file. */
export const FILE = '/srv/acme/waybill.yaml';

/** The least that a configuration needs. */
export const MINIMAL = `
clients:
  acme:
    baseUrl: https://returns.acme.example/api/
    endpoints:
      disposition_update: /dispositions
`;

/** What `load` is refused with; throws where it is not. */
export function errorOf(load: () => unknown): ConfigError {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

/** The problems of a text, each as `line path message`. */
export function problemsOf(text: string, env: Record<string, string> = {}, file = FILE): string[] {
  return errorOf(() => parseConfig(text, file, env)).problems.map(
    ({ line, path, message }) => `${line ?? '-'} ${path} ${message}`,
  );
}

/** A configuration of one client with these settings, which are YAML in flow style. */
export function withClient(settings: string): string {
  const base = 'baseUrl: https://x.example, endpoints: { disposition_update: /d }';
  return `clients: { acme: { ${base}, ${settings} } }`;
}

/** The problems of one client's settings, without line numbers; `settings` is YAML in flow style. */
export function clientProblems(settings: string, env: Record<string, string> = {}): string[] {
  return problemsOf(withClient(settings), env).map((problem) =>
    problem.replace(/^\d+ \$\.clients\.acme\./, ''),
  );
}
