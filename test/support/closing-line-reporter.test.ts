import { expect, test } from 'vitest';
import { ClosingLineReporter } from './closing-line-reporter.ts';

/** As much of a test file's result as the reporter looks at. */
function file(states: readonly string[], errors: readonly object[] = []) {
  const tests = states.map((state) => ({ result: () => ({ state }) }));
  return { children: { allTests: () => tests }, errors: () => errors, ok: () => true };
}

test('the last line counts every test, and the files that could not be loaded', () => {
  const written: string[] = [];
  const reporter = new ClosingLineReporter((line) => written.push(line));
  const files = [file(['passed', 'passed', 'failed']), file(['skipped']), file([], [{}])];
  reporter.onTestRunEnd(files as unknown as Parameters<typeof reporter.onTestRunEnd>[0]);
  expect(written).toEqual(['\n2 passed, 2 failed, 1 skipped\n']);
});
