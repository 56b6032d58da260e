import { test } from 'vitest';
import { expectToOutlastFreeze } from '../support/frozen-redis.ts';
import { failOnLeaks } from '../support/leaks.ts';

failOnLeaks();

test('Redis is frozen for 10 s under load: nothing is lost, counted wrongly or sent again', async () => {
  await expectToOutlastFreeze(10);
});
