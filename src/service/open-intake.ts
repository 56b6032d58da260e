import type { Redis } from 'ioredis';
import type { Config } from '../config/config-schema.ts';
import { createIdSource } from '../intake/event-id.ts';
import { createIntake, type Intake } from '../intake/intake.ts';
import { commitBatches } from '../queue/admit.ts';
import {
  type ConnectionOptions,
  closeRedis,
  DEFAULT_ANSWER_TIMEOUT_MS,
  firstConnection,
  openRedis,
  type RedisLocation,
} from '../queue/connections.ts';

/** An intake with its own connection, which fails at once if Redis is away. */
export interface OpenIntake extends Intake {
  readonly redis: Redis;
}

/** Opens the intake for all clients of a configuration, also while Redis is away. */
export async function openIntake(
  config: Config,
  location: RedisLocation,
  options: ConnectionOptions = {},
): Promise<OpenIntake> {
  const redis = openRedis(location, 'intake', () => {}, options);
  await firstConnection(redis, options.answerTimeoutMs ?? DEFAULT_ANSWER_TIMEOUT_MS);
  const intake = createIntake({
    clients: config.clients,
    admit: (client, batches) => commitBatches(redis, client, batches, Date.now()),
    newId: createIdSource(),
  });
  return {
    ...intake,
    redis,
    async close() {
      await intake.close();
      closeRedis(redis);
    },
  };
}
