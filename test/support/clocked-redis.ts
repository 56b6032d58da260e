import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { startEmbeddedRedis } from '../../src/redis/embedded.ts';
import { dataDirectory } from '../redis/data-dirs.ts';
import { redisOnPath } from './redis-on-path.ts';
import { fakeWallClock } from './wall-clock.ts';

/** A Redis whose wall clock a test sets, so many seconds ahead at first; it is gone when the test is over. */
export async function clockedRedis(aheadSeconds: number): Promise<{
  readonly redis: Redis;
  readonly clock: ReturnType<typeof fakeWallClock>;
}> {
  const clock = fakeWallClock();
  clock.set(aheadSeconds);
  const { binary } = redisOnPath(clock.shell);
  const server = await startEmbeddedRedis({ dataDir: dataDirectory(), serverBinary: binary });
  const redis = new Redis(server.socketPath);
  onTestFinished(async () => {
    redis.disconnect();
    await server.release();
  });
  return { redis, clock };
}
