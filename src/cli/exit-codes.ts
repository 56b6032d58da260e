/** Exit codes of every command; stable, and documented in README.md. */
export const EXIT = {
  done: 0,
  unexpected: 1,
  usage: 2,
  someFailed: 3,
  redisUnavailable: 4,
  interrupted: 130,
} as const;

/** Error codes that are the user's to mend. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  'CONFIG_INVALID',
  'USAGE',
  'AUTH_CONFIG_INVALID',
  'TLS_SETTINGS_INVALID',
  'HTTP_LISTEN_FAILED',
  'METRICS_LISTEN_FAILED',
]);

/** The exit code of a command that ended with an error. */
export function exitCodeOf(code: string): number {
  if (USAGE_CODES.has(code)) return EXIT.usage;
  return code.startsWith('REDIS_') ? EXIT.redisUnavailable : EXIT.unexpected;
}
