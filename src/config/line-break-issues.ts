import type { ConfigIssue } from './config-problem.ts';
import type { BroughtLineBreak } from './substitute-env.ts';
import { isInTokenBody } from './token-service-config.ts';

/** Adds to each issue about a line break where the line break came from. */
export function nameOrigins(
  issues: readonly ConfigIssue[],
  lineBreaks: readonly BroughtLineBreak[],
): readonly ConfigIssue[] {
  if (lineBreaks.length === 0) return issues;
  const byPlace = new Map(lineBreaks.map((brought) => [JSON.stringify(brought.keys), brought]));
  return issues.map((issue) => {
    const brought = byPlace.get(JSON.stringify(issue.keys));
    if (brought === undefined || !issue.message.endsWith(' a line break')) return issue;
    return { ...issue, message: `${issue.message} ${describeOrigins(brought)}` };
  });
}

/**
 * Refuses each text in the body of a token service that ends in a line break from elsewhere. Inside, a text may
 * have line breaks, as a PEM does; and one that is written in the configuration is meant.
 */
export function bodyLineBreakIssues(lineBreaks: readonly BroughtLineBreak[]): ConfigIssue[] {
  return lineBreaks
    .filter(({ keys, isAtEnd }) => isAtEnd && isInTokenBody(keys))
    .map((brought) => ({
      keys: brought.keys,
      message: `must not end in a line break ${describeOrigins(brought)}`,
    }));
}

function describeOrigins({ origins }: BroughtLineBreak): string {
  return `(${origins.join(' and ')} ${origins.length === 1 ? 'holds' : 'hold'} it)`;
}
