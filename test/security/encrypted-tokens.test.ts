import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Authorization, Authorizer } from '../../src/auth/authorizer.ts';
import {
  anEvent,
  granted,
  type SimulatedProcess,
  simulateProcess,
  tokenOf,
} from '../auth/support/processes.ts';
import { type RedisServer, startRedisServer } from '../auth/support/redis-server.ts';
import { startTokenServer, type TokenServer } from '../auth/support/token-server.ts';

let redis: RedisServer;
let service: TokenServer;
const processes: SimulatedProcess[] = [];

beforeAll(async () => {
  [redis, service] = await Promise.all([startRedisServer(), startTokenServer()]);
});

afterAll(async () => {
  await Promise.all(processes.map((process) => process.close()));
  await Promise.all([redis.stop(), service.close()]);
});

function authorizerWith(secretKey: string | undefined, clientId: string) {
  const process = simulateProcess({ redis: redis.connect(), secretKey });
  processes.push(process);
  const credentials = { clientId, clientSecret: 'secret', style: 'json' } as const;
  return process.authorizer({ type: 'oauth2', tokenUrl: service.url, ...credentials });
}

/** A request that the endpoint accepts. */
async function used(authorizer: Authorizer): Promise<Authorization> {
  const authorization = granted(await authorizer.authorize());
  authorizer.reportAccepted(authorization);
  return authorization;
}

test('processes with the same key share a token; those with others, or none, get one of their own', async () => {
  const id = randomUUID();
  const first = authorizerWith('the key of a fleet', id);
  const token = tokenOf(await used(first));
  expect(tokenOf(await authorizerWith('the key of a fleet', id).authorize())).toBe(token);

  const rekeyed = authorizerWith('the key after it', id);
  const ofRekeyed = tokenOf(await used(rekeyed));
  const unkeyed = authorizerWith(undefined, id);
  const ofUnkeyed = tokenOf(await used(unkeyed));
  expect(new Set([token, ofRekeyed, ofUnkeyed]).size).toBe(3);
  expect(service.seen).toHaveLength(3);

  // Each goes on with its own, and renews it where it is refused, whatever stands in Redis.
  expect(tokenOf(await used(first))).toBe(token);
  for (const authorizer of [first, rekeyed, unkeyed]) {
    const refused = await used(authorizer);
    expect(tokenOf(await authorizer.renew(refused, anEvent()))).not.toBe(tokenOf(refused));
  }
  expect(service.seen).toHaveLength(6);
});
