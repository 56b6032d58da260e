import type { LogLine, LogLines } from './log-lines.ts';

/** Resolves once so many lines of a log match. */
export async function waitForLines(
  log: LogLines,
  count: number,
  matches: (line: LogLine) => boolean,
): Promise<void> {
  let seen = 0;
  await log.waitForLine((line) => {
    if (matches(line)) seen += 1;
    return seen >= count;
  });
}
