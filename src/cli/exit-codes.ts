/** Exit codes of every command; stable, and documented in README.md. */
export const EXIT = {
  done: 0,
  unexpected: 1,
  usage: 2,
  someFailed: 3,
  redisUnavailable: 4,
  interrupted: 130,
} as const;

/** Error codes that have an exit code of their own; all others are unexpected. */
const EXIT_OF_CODE: Readonly<Record<string, number>> = {
  CONFIG_INVALID: EXIT.usage,
  USAGE: EXIT.usage,
  REDIS_UNAVAILABLE: EXIT.redisUnavailable,
  REDIS_NOT_RUNNING: EXIT.redisUnavailable,
};

/** The exit code of a command that ended with an error. */
export function exitCodeOf(code: string): number {
  return EXIT_OF_CODE[code] ?? EXIT.unexpected;
}
