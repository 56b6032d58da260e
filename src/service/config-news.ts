import { isDeepStrictEqual } from 'node:util';
import { v7 as uuidv7 } from 'uuid';
import type { Config, ResolvedClient } from '../config/config-schema.ts';
import { findChannelDoubts, findCredentialDoubts } from '../config/credential-doubts.ts';
import type { Log } from '../core/log.ts';
import { refuseLiteral } from '../http/address-guard.ts';
import { noteAction } from '../queue/audit.ts';
import { closeRedis, openRedis } from '../queue/connections.ts';
import { OF_NO_CLIENT } from '../queue/names.ts';
import type { RedisLocation } from '../queue/redis-options.ts';
import { localUser } from './local-user.ts';

/** Logs what in a configuration is probably not meant as it stands. */
export function warnOf(config: Config, log: Log): void {
  warnOfCredentials(config, log);
  warnOfAddresses(config, log);
}

/** Logs which credentials are probably not meant as they stand, and not what they are. */
function warnOfCredentials(config: Config, log: Log): void {
  for (const doubt of findChannelDoubts(config)) {
    log.warn(doubt, 'credential has quotes or blanks around it');
  }
  for (const client of Object.values(config.clients)) {
    for (const { setting, around } of findCredentialDoubts(client)) {
      log.warn({ client: client.name, setting, around }, 'credential has quotes or blanks around it');
    }
  }
}

/** Logs each URL whose host is an address that may not be connected to; of names only connecting tells. */
function warnOfAddresses({ clients }: Config, log: Log): void {
  for (const client of Object.values(clients)) {
    for (const refused of findRefused(client)) {
      log.warn({ client: client.name, ...refused }, 'address is not allowed: nothing will be sent to it');
    }
  }
}

function findRefused({ endpoints, auth, allowPrivateNetwork }: ResolvedClient) {
  if (allowPrivateNetwork) return [];
  const urls = Object.values(endpoints).map(({ type, url }): [setting: string, url: string] => [
    `endpoints.${type}`,
    url,
  ]);
  if (auth.type === 'oauth2') urls.push(['auth.tokenUrl', auth.tokenUrl]);
  if (auth.type === 'token_service') urls.push(['auth.url', auth.url]);
  return urls.flatMap(([setting, url]) => {
    const refusal = refuseLiteral(new URL(url).hostname);
    return refusal === undefined ? [] : { setting, reason: refusal.message };
  });
}

/** The names of the clients that a configuration adds, changes and removes. */
export function describeChange(before: Config, after: Config) {
  const names = Object.keys(after.clients);
  const known = names.filter((name) => before.clients[name] !== undefined);
  return {
    added: names.filter((name) => before.clients[name] === undefined),
    changed: known.filter((name) => !isDeepStrictEqual(before.clients[name], after.clients[name])),
    removed: Object.keys(before.clients).filter((name) => after.clients[name] === undefined),
  };
}

/**
 * Writes a reload into the audit. A signal does not say who sent it: the user is that of the service. If Redis does
 * not take it, the log says so.
 */
export async function noteReload(
  before: Config,
  after: Config,
  location: RedisLocation,
  log: Log,
): Promise<void> {
  const { added, changed, removed } = describeChange(before, after);
  const clients = { added: added.length, changed: changed.length, removed: removed.length };
  const redis = openRedis(location, 'operator', () => {});
  try {
    await noteAction(redis, OF_NO_CLIENT, { id: uuidv7(), action: 'reload', by: localUser(), clients });
  } catch (error) {
    log.warn({ reason: (error as Error).message }, 'the reload does not stand in the audit');
  } finally {
    closeRedis(redis);
  }
}

/** Logs what a configuration has that the service, started without it, cannot serve. */
export function warnOfRestart(config: Config, present: { health: unknown; api: unknown }, log: Log): void {
  if (present.health === undefined && config.metrics !== undefined) log.warn({}, 'metrics need a restart');
  if (present.api === undefined && config.http !== undefined) log.warn({}, 'an http api needs a restart');
}
