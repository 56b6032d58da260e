import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { ClosingLineReporter } from './support/closing-line-reporter.ts';

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/bench/**', 'node_modules/**', 'dist/**'],
    globalSetup: ['test/support/global-redis.ts'],
    pool: 'forks',
    // Most of them wait for what happens rather than compute.
    maxWorkers: 3,
    // A machine that others use too may be ten times slower; what is waited for has shorter limits, which say more.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
    reporters: ['default', new ClosingLineReporter()],
  },
});
