import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { parseConfig } from '../../src/config/load-config.ts';
import { createProducer } from '../../src/index.ts';
import { closeRedis, openRedis } from '../../src/queue/connections.ts';
import { judgeRedisSettings, readRedisSettings } from '../../src/redis/settings.ts';
import { readRepository } from '../docs/texts.ts';
import { numberedEvent } from '../support/events.ts';
import { freePort } from '../support/foreign-server.ts';
import { type RedisProgram, startRedisProgram } from '../support/redis-programs.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';
import { startWaybill, testDirectory } from '../support/waybill-process.ts';

const TYPE = 'disposition_update';
const START = { timeoutMs: 60_000 };

interface Service {
  readonly profiles?: readonly string[];
  readonly user?: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly volumes: readonly unknown[];
  readonly ports?: readonly string[];
  readonly restart: string;
  readonly stop_grace_period?: string;
}

const text = readRepository('docker-compose.yml');
const compose = parse(text, { merge: true }) as { services: Record<string, Service>; volumes: object };
const ha = Object.entries(compose.services).filter(([, { profiles }]) => profiles?.includes('ha'));
const named = (start: string) => ha.filter(([name]) => name.startsWith(start));
const [REDIS, SENTINELS, WAYBILLS] = [named('redis-'), named('sentinel-'), named('waybill-')];

/** The section of the configuration that the file shows. */
const SECTION = /^# {3}(redis: \{ sentinels: .*)$/m.exec(text)?.[1] ?? '';
const CLIENT = 'clients: { acme: { baseUrl: https://acme.example, endpoints: { inventory_receipt: / } } }';

describe('the profile ha', () => {
  test('has three servers, three sentinels and two services, and nothing that others start too', () => {
    expect([REDIS, SENTINELS, WAYBILLS].map((some) => some.length)).toEqual([3, 3, 2]);
    expect(ha).toHaveLength(8);
    for (const [name, service] of ha) {
      expect([name, service.profiles, service.restart]).toEqual([name, ['ha'], 'unless-stopped']);
      for (const needed of Object.keys(service.depends_on ?? {})) {
        expect([name, compose.services[needed]?.profiles]).toEqual([name, ['ha']]);
      }
    }
  });

  test('has its own volume for each server and sentinel, where it may write, and publishes neither', () => {
    const volumes = [...REDIS, ...SENTINELS].map(([, service]) => String(service.volumes[0]).split(':'));
    expect(new Set(volumes.map(([name]) => name)).size).toBe(6);
    expect(Object.keys(compose.volumes)).toEqual(expect.arrayContaining(volumes.map(([name]) => name)));
    expect(new Set(volumes.map(([, target]) => target))).toEqual(new Set(['/data']));
    for (const [, { user, ports, image }] of [...REDIS, ...SENTINELS]) {
      expect([user, ports, image]).toEqual(['redis', undefined, 'redis:7-bookworm']);
    }
  });

  test('has services as the one without it, with ports of their own', () => {
    const {
      profiles: _,
      ports: __,
      depends_on: ___,
      environment: ____,
      ...common
    } = compose.services['waybill'] ?? {};
    for (const [, service] of WAYBILLS) expect(service).toMatchObject(common);
    const ports = WAYBILLS.map(([, service]) => service.ports);
    expect(ports).toEqual([['127.0.0.1:8425:8425'], ['127.0.0.1:8426:8425']]);
  });

  test('is found by the section that the file shows, which names its sentinels and their master', () => {
    const { redis } = parseConfig(`${SECTION}\n${CLIENT}\n`, '/etc/waybill/waybill.yaml', {});
    expect(redis?.sentinels).toEqual(SENTINELS.map(([name]) => `${name}:26379`));
    for (const [, { command }] of SENTINELS) {
      expect(command.join(' ')).toContain(`sentinel monitor ${redis?.name} redis-1 6379 2`);
    }
  });
});

/** The containers as processes on this machine: names are localhost, ports free ones, /data is a directory. */
async function startAsComposed() {
  const directory = testDirectory();
  const ports = new Map<string, number>();
  for (const [name] of [...REDIS, ...SENTINELS]) ports.set(name, await freePort());
  const portOf = (name: string): number => ports.get(name) ?? 0;
  const programs = new Map<string, RedisProgram>();

  /** What stands in the file, as it holds on this machine. */
  function local(name: string, value: string): string {
    return value
      .replaceAll('$$', '$')
      .replace(/redis-1 6379/g, `localhost ${portOf('redis-1')}`)
      .replaceAll('/data', join(directory, name))
      .replace(/exec (\S+) (\S+)/, `exec $1 $2 --port ${portOf(name)} --bind 127.0.0.1 -::1`);
  }

  /** As a container that is started for the first time, or again. */
  async function start([name, { command, environment = {} }]: (typeof ha)[number]): Promise<RedisProgram> {
    mkdirSync(join(directory, name), { recursive: true });
    const words = command.map((word) => local(name, word));
    const env = Object.entries(environment).map(([key, value]) => [key, local(name, value)]);
    const program = await startRedisProgram(() => words, {
      port: portOf(name),
      env: { ...Object.fromEntries(env), NAME: 'localhost' },
    });
    programs.set(name, program);
    return program;
  }

  async function isHealthy([name, { healthcheck }]: (typeof ha)[number]): Promise<boolean> {
    const [, line = 'false'] = healthcheck?.test ?? [];
    const asked = line.replace(/redis-cli(?: -p \d+)?/g, `redis-cli -p ${portOf(name)}`);
    return promisify(execFile)('sh', ['-c', asked]).then(
      () => true,
      () => false,
    );
  }

  for (const each of [...REDIS, ...SENTINELS]) await start(each);
  for (const each of [...REDIS, ...SENTINELS]) await until(() => isHealthy(each));
  return {
    start,
    program(name: string): RedisProgram {
      const found = programs.get(name);
      if (found === undefined) throw new TypeError(`there is no ${name}`);
      return found;
    },
    /** The section of the file, as it holds here. */
    section: SECTION.replace(/(sentinel-\d):26379/g, (_, name: string) => `127.0.0.1:${portOf(name)}`),
  };
}

const roleOf = async (redis: Redis): Promise<string> =>
  /role:(\w+)/.exec(await redis.info('replication'))?.[1] ?? '';

describe('the servers of the profile ha', () => {
  test('run with settings that the service asks for, whichever is the master', async () => {
    const servers = await startAsComposed();
    for (const [name] of REDIS) {
      const settings = await readRedisSettings(servers.program(name).connect());
      expect(judgeRedisSettings({ ...settings, role: 'master' })).toEqual([]);
      expect([name, settings.role, settings.minReplicas]).toEqual([
        name,
        name === 'redis-1' ? 'master' : 'slave',
        1,
      ]);
    }
  });

  test('lose no accepted event when the master is killed, and take it back as a replica', async () => {
    const servers = await startAsComposed();
    const company = await testSandbox().company('acme');
    const directory = testDirectory();
    const file = join(directory, 'waybill.yaml');
    writeFileSync(file, `${servers.section}\n${stringify({ clients: { acme: company.clientSettings() } })}`);
    const services = WAYBILLS.map(() => startWaybill(['start', '--workers', '1'], { directory }));
    await Promise.all(services.map((service) => service.waitForLine('started', START)));
    const producer = await createProducer(file, { answerTimeoutMs: 2_000 });
    onTestFinished(() => producer.close());

    const { redis: section } = parseConfig(`${servers.section}\n${CLIENT}`, file, {});
    const looker = openRedis({ sentinels: section?.sentinels, name: section?.name }, 'worker', () => {});
    onTestFinished(() => closeRedis(looker));
    let masters = 0;
    looker.on('ready', () => {
      masters += 1;
    });

    const accepted: string[] = [];
    let n = 0;
    /** Submits single events until so many more are accepted. */
    const submit = async (count: number): Promise<void> => {
      const wanted = accepted.length + count;
      await until(async () => {
        n += 1;
        const result = await producer.submit('acme', TYPE, numberedEvent(TYPE, n));
        if (result.outcome === 'accepted') accepted.push(result.id);
        return accepted.length >= wanted;
      });
    };
    await submit(50);
    await servers.program('redis-1').kill();
    await submit(50);

    const others = ['redis-2', 'redis-3'].map((name) => servers.program(name).connect());
    const roles = await Promise.all(others.map(roleOf));
    expect(roles.filter((role) => role === 'master')).toHaveLength(1);
    const [first] = REDIS;
    if (first === undefined) throw new TypeError('the file has no redis-1');
    const back = await servers.start(first);
    // It is the master of nobody until the sentinels find it, and takes no writes meanwhile.
    // Sentinel ends its connections when it makes a replica of it.
    const again = back.connect({ maxRetriesPerRequest: null });
    await until(async () => (await again.info('replication')).includes('master_link_status:up'));
    await submit(50);

    await company.waitFor(
      (seen) => accepted.every((id) => seen.requests.some(({ eventId }) => eventId === id)),
      START,
    );
    // The sentinels announce names: one that stands for where it is connected to is no other master.
    expect(masters).toBe(2);
    for (const service of services) service.signal('SIGTERM');
    for (const service of services) expect((await service.exit).code).toBe(0);
  });
});
