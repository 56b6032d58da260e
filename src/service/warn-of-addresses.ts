import type { Config, ResolvedClient } from '../config/config-schema.ts';
import type { Log } from '../core/log.ts';
import { refuseLiteral } from '../http/address-guard.ts';

/** Logs each URL whose host is an address that may not be connected to; of names only connecting tells. */
export function warnOfAddresses({ clients }: Config, log: Log): void {
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
