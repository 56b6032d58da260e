import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { ClosingLineReporter } from './support/closing-line-reporter.ts';
import { LongestFirst } from './support/longest-first.ts';

/** They measure memory, which holds what other files have left. */
const ALONE = [
  'test/fuzz/**/*.test.ts',
  'test/http/hostile-memory.test.ts',
  'test/incidents/collect-failures.test.ts',
  'test/intake/read-payloads.test.ts',
];

/** Each takes more than twenty seconds: `npm run chaos` runs them, and `npm test` does not. */
const LONG = [
  'test/redis-ha/{cluster-partly-away,cluster-restarted,docker-compose-ha,redis-acl,redis-tls,sentinel-failover}.test.ts',
];

/** They start processes, or wait for real time to pass: `npm run test:fast` leaves them out. */
const SLOW = [
  'test/{journeys,cli,console,redis,redis-ha,security}/**/*.test.ts',
  'test/api/{events,keys,openapi,raw-requests}.test.ts',
  'test/http/{early-answer,process-end,shortage}.test.ts',
  'test/{bench-all,chaos,docker-compose,package,setup}.test.ts',
  'test/loadtest/{html-report,probe,run}.test.ts',
  'test/service/lifecycle.test.ts',
  'test/supervisor/{supervisor,worker-reports}.test.ts',
  'test/support/node-process.test.ts',
];

const root = fileURLToPath(new URL('..', import.meta.url));
const each = {
  pool: 'forks',
  // Most of them wait for what happens rather than compute.
  maxWorkers: 4,
  // A machine that others use too may be ten times slower; what is waited for has shorter limits, which say more.
  testTimeout: 180_000,
  hookTimeout: 180_000,
  expect: { poll: { timeout: 60_000 } },
} as const;

// A process for each file would spend a quarter of the suite's processor time on loading the same modules.
const shared = { ...each, isolate: false };

export default defineConfig({
  root,
  test: {
    globalSetup: ['test/support/global-redis.ts'],
    reporters: ['default', new ClosingLineReporter()],
    sequence: { sequencer: LongestFirst },
    projects: [
      { root, test: { ...each, name: 'alone', include: ALONE } },
      { root, test: { ...shared, name: 'slow', include: SLOW, exclude: LONG } },
      { root, test: { ...shared, name: 'long', include: LONG } },
      {
        root,
        test: {
          ...shared,
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: [...ALONE, ...SLOW, ...LONG],
        },
      },
    ],
  },
});
