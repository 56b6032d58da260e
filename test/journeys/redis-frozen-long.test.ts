import { test } from 'vitest';
import { expectToOutlastFreeze } from '../support/frozen-redis.ts';
import { failOnLeaks } from '../support/leaks.ts';

failOnLeaks();

// A file of its own, so that others run beside it. All locks have run out by then: the batches that were open come
// back to the process as those of a lost one, and what it has delivered of them is not sent again.
test('Redis is frozen for 60 s under load, twice the life of a lock: nothing is lost, counted wrongly or sent again', async () => {
  await expectToOutlastFreeze(60);
}, 150_000);
