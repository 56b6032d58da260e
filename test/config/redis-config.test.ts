import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/config/config-error.ts';
import { parseConfig } from '../../src/config/load-config.ts';
import { readAddress, replicasWanted } from '../../src/config/redis-config.ts';

const CLIENT = 'clients: { acme: { baseUrl: https://acme.example, endpoints: { inventory_receipt: / } } }';

function parse(redis: string) {
  return parseConfig(`redis: ${redis}\n${CLIENT}\n`, '/srv/waybill.yaml', { SECRET: 's3cret' }).redis;
}

function problemsOf(redis: string): string[] {
  try {
    parse(redis);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${path} ${message}`);
  }
}

describe('where Redis is', () => {
  test.each([
    ['{ url: redis://localhost:6379 }', 0],
    ['{ url: /run/redis.sock }', 0],
    ['{ url: redis://localhost:6379, acknowledgedBy: 2 }', 2],
    ['{ url: rediss://localhost:6379, tls: { minVersion: "1.3" } }', 0],
    ['{ sentinels: [s1:26379, "[::1]:26380"], name: main }', 1],
    ['{ sentinels: [s1:26379], name: main, acknowledgedBy: 0 }', 0],
    [
      '{ cluster: [10.0.0.1:6379], username: u, password: "${SECRET}", natMap: { "10.0.0.1:6379": h:7001 } }',
      1,
    ],
  ])('%s: %i replicas have an event before it counts', (redis, replicas) => {
    expect(replicasWanted(parse(redis))).toBe(replicas);
  });

  test('its own Redis has no replicas', () => {
    expect(replicasWanted(undefined)).toBe(0);
  });

  test.each([
    ['{ }', ['$.redis.url is required, or sentinels, or cluster']],
    ['{ acknowledgedBy: 1 }', ['$.redis.url is required, or sentinels, or cluster']],
    [
      '{ url: redis://h, cluster: [h:1], sentinels: [h:1] }',
      ['$.redis.sentinels must not stand beside url', '$.redis.cluster must not stand beside url'],
    ],
    ['{ sentinels: [h:1] }', ['$.redis.name is required beside sentinels']],
    ['{ cluster: [h:1], name: main }', ['$.redis.name goes with sentinels, not with cluster']],
    [
      '{ url: redis://h, password: p }',
      ['$.redis.password goes with sentinels and cluster, not with url: the URL holds it'],
    ],
    ['{ cluster: [h:1], username: u }', ['$.redis.password is required beside username']],
    [
      '{ sentinels: [h:1], name: m, sentinelUsername: u }',
      ['$.redis.sentinelPassword is required beside sentinelUsername'],
    ],
    ['{ url: redis://h, tls: {} }', ['$.redis.tls needs a url that begins with rediss:']],
    ['{ cluster: [] }', ['$.redis.cluster must name at least one']],
    ['{ cluster: [h] }', ['$.redis.cluster[0] must be a host and a port, such as redis-1:6379']],
    ['{ cluster: ["redis://h:1"] }', ['$.redis.cluster[0] must be a host and a port, such as redis-1:6379']],
    ['{ cluster: [h:1], acknowledgedBy: 11 }', ['$.redis.acknowledgedBy must be at most 10, found 11']],
  ])('%s is refused with %j', (redis, problems) => {
    expect(problemsOf(redis)).toEqual(problems);
  });
});

test.each([
  ['redis-1:6379', { host: 'redis-1', port: 6379 }],
  ['10.0.0.1:1', { host: '10.0.0.1', port: 1 }],
  ['[fe80::1]:65535', { host: 'fe80::1', port: 65_535 }],
  ['redis-1', undefined],
  ['redis-1:0', undefined],
  ['redis-1:65536', undefined],
  ['::1:6379', undefined],
  ['-a:1', undefined],
  ['a b:1', undefined],
])('the address %s', (text, address) => {
  expect(readAddress(text)).toEqual(address);
});
