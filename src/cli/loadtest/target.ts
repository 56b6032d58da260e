import type { Config, ResolvedClient } from '../../config/config-schema.ts';
import { didYouMean } from '../../core/near-miss.ts';
import type { ReportTarget } from '../../loadtest/load-report.ts';
import { UsageError } from '../run-command.ts';

/** What is to be tested. */
export interface Target {
  readonly client: ResolvedClient;
  /** The types that are sent, each with its weight. */
  readonly types: ReadonlyMap<string, number>;
}

/** Finds the client, and its endpoints for all types. @throws UsageError where there is none */
export function findTarget(
  config: Config,
  name: string,
  type: string,
  mix: ReadonlyMap<string, number> | undefined,
): Target {
  const known = Object.keys(config.clients);
  const client = known.includes(name) ? config.clients[name] : undefined;
  if (client === undefined) {
    const there = `there are: ${known.join(', ')}${didYouMean(name, known)}`;
    throw new UsageError(`client "${name}" is not in ${config.file}; ${there}`);
  }
  const types = mix ?? new Map([[type, 1]]);
  if (!types.has(type)) throw new UsageError(`--mix has no share for ${type}`);
  for (const each of types.keys()) {
    if (Object.hasOwn(client.urls, each)) continue;
    const has = Object.keys(client.urls);
    throw new UsageError(
      `client "${name}" has no endpoint for "${each}"; it has: ${has.join(', ')}${didYouMean(each, has)}`,
    );
  }
  return { client, types };
}

/** The target as a report may name it: a query may hold a key. */
export function describeTarget({ client, types }: Target): ReportTarget {
  const { name, auth, timeoutMs, concurrency, ratePerSecond } = client;
  const names = [...types.keys()];
  return {
    client: name,
    types: names,
    urls: names.map((type) => withoutSecrets(client.urls[type] ?? '')),
    auth: auth.type,
    timeoutMs,
    concurrency,
    ...(ratePerSecond === undefined ? {} : { ratePerSecond }),
  };
}

function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
