import { asksForTokens } from '../../config/client-config.ts';
import type { Config } from '../../config/config-schema.ts';
import type { CheckFinding } from './finding.ts';

/**
 * Says whether tokens can be read in Redis. Nothing to say where there are none, or where the Redis is the
 * embedded one, whose directory is its owner's alone.
 */
export function checkSecretKey({ clients, redis, secretKey }: Config): CheckFinding[] {
  const hasTokens = Object.values(clients).some(({ auth }) => asksForTokens(auth));
  if (!hasTokens || redis?.url === undefined) return [];
  if (secretKey !== undefined) {
    const message = 'tokens are encrypted there: WAYBILL_SECRET_KEY is set';
    return [{ level: 'ok', subject: 'redis', message }];
  }
  const message =
    'tokens stand there as they are, for whoever can read it or its files: WAYBILL_SECRET_KEY encrypts them';
  return [{ level: 'note', subject: 'redis', message }];
}
