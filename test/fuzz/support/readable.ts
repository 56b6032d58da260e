import { expect } from 'vitest';
import type { Problem } from '../../../src/core/problem.ts';

const MOST_PROBLEMS = 101;
const LONGEST_MESSAGE = 500;
/** A key of a hundred characters, each as six, at each of six levels. */
const LONGEST_PATH = 4_000;
const STEERING = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
/** What shows that a program spoke, and nobody wrote a sentence: names of nothing, of objects, stacks. */
const NO_SENTENCE = /\bundefined\b|\[object |\bNaN is\b|\n|^\s*$|\s{4}at /;

/** Fails where problems have no path, or say nothing that somebody can read. */
export function expectReadable(problems: readonly Problem[], most = MOST_PROBLEMS): void {
  const bad = problems.filter(({ path, message }) => !isPath(path) || !isSentence(message));
  // One comparison for all: a call of expect for each problem would take most of the time.
  if (bad.length > 0 || problems.length === 0 || problems.length > most) {
    expect.fail(`${problems.length} problems, of them not readable: ${JSON.stringify(bad.slice(0, 3))}`);
  }
}

/** Whether a problem's message can be shown as it is. */
export function isSentence(message: string): boolean {
  return (
    typeof message === 'string' &&
    message.length <= LONGEST_MESSAGE &&
    !STEERING.test(message) &&
    !NO_SENTENCE.test(message)
  );
}

function isPath(path: string): boolean {
  return (
    typeof path === 'string' && path.startsWith('$') && path.length <= LONGEST_PATH && !STEERING.test(path)
  );
}
