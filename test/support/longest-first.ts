import { relative } from 'node:path';
import type { TestSpecification } from 'vitest/node';
import { BaseSequencer } from 'vitest/node';

/** Files that take a quarter of a minute or more, from the longest on. */
const LONG: readonly string[] = [
  'test/chaos.test.ts',
  'test/journeys/wall-clock.test.ts',
  'test/journeys/redis-frozen-long.test.ts',
  'test/redis/embedded-service.test.ts',
  'test/journeys/poison.test.ts',
  'test/journeys/crashes-of-send.test.ts',
  'test/journeys/reload.test.ts',
  'test/bench-all.test.ts',
  'test/loadtest/run.test.ts',
  'test/journeys/supervisor.test.ts',
  'test/journeys/processes.test.ts',
  'test/journeys/crashes.test.ts',
  'test/journeys/idempotency.test.ts',
  'test/journeys/service-signals.test.ts',
  'test/cli/dead-letters.test.ts',
  'test/journeys/fairness.test.ts',
  'test/journeys/metrics.test.ts',
];

/**
 * Begins with the files that take longest, so that the end waits for none of them. Where nothing is remembered of
 * earlier runs, as on a fresh checkout, vitest takes the size of a file for its time.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = LONG.indexOf(relative(this.ctx.config.root, moduleId));
      return place === -1 ? LONG.length : place;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
