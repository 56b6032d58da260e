import type { Redis } from 'ioredis';

/** How many services deliver from this Redis now; undefined where it does not say. */
export async function countServices(redis: Redis): Promise<number | undefined> {
  try {
    const clients = String(await redis.client('LIST'));
    return clients.split('\n').filter((line) => / name=waybill-worker /.test(line)).length;
  } catch {
    return undefined;
  }
}
