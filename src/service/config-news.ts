import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config-schema.ts';
import { findChannelDoubts, findCredentialDoubts } from '../config/credential-doubts.ts';
import type { Log } from '../core/log.ts';

/** Logs which credentials are probably not meant as they stand, and not what they are. */
export function warnOfCredentials({ clients, incidents }: Config, log: Log): void {
  for (const doubt of findChannelDoubts(incidents.notify)) {
    log.warn(doubt, 'credential has quotes or blanks around it');
  }
  for (const { name, auth } of Object.values(clients)) {
    for (const { setting, around } of findCredentialDoubts(auth)) {
      log.warn({ client: name, setting, around }, 'credential has quotes or blanks around it');
    }
  }
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
