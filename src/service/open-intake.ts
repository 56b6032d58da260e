import type { Config } from '../config/config-schema.ts';
import { replicasWanted } from '../config/redis-config.ts';
import { createIdSource } from '../intake/id-source.ts';
import { Intake } from '../intake/intake.ts';
import { commitBatches } from '../queue/admit.ts';
import {
  type ConnectionOptions,
  closeRedis,
  DEFAULT_ANSWER_TIMEOUT_MS,
  firstConnection,
  openRedis,
} from '../queue/connections.ts';
import type { RedisLocation } from '../queue/redis-options.ts';
import type { Connection } from '../queue/servers.ts';

/** An intake with its own connection, which fails at once if Redis is away. */
export type OpenIntake = Pick<Intake, 'submit' | 'submitMany' | 'submitEach' | 'close'> & {
  readonly redis: Connection;
};

/** Opens the intake for all clients of a configuration, also while Redis is away. */
export async function openIntake(
  config: Config,
  location: RedisLocation,
  options: ConnectionOptions = {},
): Promise<OpenIntake> {
  const redis = openRedis(location, 'intake', () => {}, options);
  await firstConnection(redis, options.answerTimeoutMs ?? DEFAULT_ANSWER_TIMEOUT_MS);
  const replicas = replicasWanted(config.redis);
  const intake = new Intake({
    clients: config.clients,
    admit: (endpoint, batches) => commitBatches(redis, endpoint, batches, Date.now(), replicas),
    newId: createIdSource(),
  });
  return {
    redis,
    // Bound: a caller may take them out of the object.
    submit: (...event) => intake.submit(...event),
    submitMany: (...events) => intake.submitMany(...events),
    submitEach: (...events) => intake.submitEach(...events),
    async close() {
      await intake.close();
      closeRedis(redis);
    },
  };
}
