import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { configSchema } from '../src/config/config-schema.ts';
import { httpConfigSchema } from '../src/config/http-config.ts';
import { parseConfig } from '../src/config/load-config.ts';
import { judgeRedisSettings, readRedisSettings } from '../src/redis/settings.ts';
import { WORKER_END_MS } from '../src/service/service.ts';
import { VERSION } from '../src/version.ts';
import { readObservability } from './support/observability-files.ts';
import { runWaybill, startWaybill, testDirectory } from './support/waybill-process.ts';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(REPOSITORY, path), 'utf8');

interface Service {
  readonly image: string;
  readonly command: readonly string[];
  readonly profiles?: readonly string[];
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes: readonly unknown[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly stop_grace_period: string;
  readonly restart: string;
}

const text = read('docker-compose.yml');
const compose = parse(text, { merge: true }) as {
  services: { redis: Service; waybill: Service; sandbox: Service; prometheus: Service; grafana: Service };
  volumes: object;
};
const { redis, waybill, sandbox } = compose.services;

/** The instructions of the Dockerfile's last stage, in order; continuation lines are not used in it. */
const stages = read('Dockerfile')
  .split('\n')
  .filter((line) => /^[A-Z]+ /.test(line))
  .map((line) => ({ name: line.split(' ', 1)[0] ?? '', words: line.slice(line.indexOf(' ') + 1) }));
const lastStage = stages.slice(stages.findLastIndex(({ name }) => name === 'FROM'));
const instruction = (name: string) => lastStage.findLast((line) => line.name === name)?.words ?? '';

const CONFIG_PATH = '/etc/waybill/waybill.yaml';

/** Runs redis-server with the words of the compose file, on a unix socket in a directory of the test's own. */
async function startAsComposed(): Promise<Redis> {
  const directory = testDirectory();
  const socket = join(directory, 'redis.sock');
  const [command = '', ...words] = redis.command;
  const own = ['--port', '0', '--unixsocket', socket, '--dir', directory];
  const server = spawn(command, [...words, ...own], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(server, 'exit');
  const connection = new Redis(socket, { lazyConnect: true, retryStrategy: () => 20 });
  connection.on('error', () => {});
  onTestFinished(async () => {
    connection.disconnect();
    server.kill('SIGKILL');
    await ended;
  });
  server.stdout.resume();
  return connection;
}

describe('Redis', () => {
  test('runs with settings that the service asks for', async () => {
    const settings = await readRedisSettings(await startAsComposed());
    expect(judgeRedisSettings(settings)).toEqual([]);
  });

  test('keeps its data, and is reached by the service only', () => {
    const [name = '', target] = String(redis.volumes[0]).split(':');
    expect(target).toBe('/data');
    expect(Object.keys(compose.volumes)).toContain(name);
    expect(redis.ports).toBeUndefined();
    expect(redis.image).toMatch(/^redis:7/);
  });

  test('counts as healthy when it answers PONG, which it does not while it loads', () => {
    expect(redis.healthcheck?.test.join(' ')).toMatch(/redis-cli ping \| grep -q PONG/);
    expect(waybill.depends_on).toEqual({ redis: { condition: 'service_healthy' } });
  });
});

describe('the service', () => {
  test('finds Redis by the line of configuration that the file shows', () => {
    const line = /^# {3}(redis: .*)$/m.exec(text)?.[1] ?? '';
    const client =
      'clients: { acme: { baseUrl: https://acme.example, endpoints: { inventory_receipt: / } } }';
    const config = parseConfig(`${line}\n${client}\n`, CONFIG_PATH, waybill.environment ?? {});
    const url = new URL(config.redis?.url ?? '');
    expect(Object.keys(compose.services)).toContain(url.hostname);
    expect([url.protocol, url.port]).toEqual(['redis:', '6379']);
  });

  test('reads its configuration from the mount, and cannot change it', () => {
    expect(waybill.command).toEqual(['start', '--config', CONFIG_PATH]);
    // A missing file is said, and not made a directory.
    const bind = { create_host_path: false };
    expect(waybill.volumes).toEqual([
      { type: 'bind', source: './waybill.yaml', target: CONFIG_PATH, read_only: true, bind },
    ]);
  });

  test('has time to finish what is under way, and to end a worker that does not', () => {
    const graceMs = configSchema.shape.shutdownGraceMs.parse(undefined);
    const seconds = /^(\d+)s$/.exec(waybill.stop_grace_period)?.[1];
    expect(Number(seconds) * 1000).toBeGreaterThan(graceMs + WORKER_END_MS);
  });

  test('comes back after a crash, and publishes its API to this machine alone', () => {
    expect([redis.restart, waybill.restart]).toEqual(['unless-stopped', 'unless-stopped']);
    expect(waybill.ports).toEqual(['127.0.0.1:8425:8425']);
    const http = httpConfigSchema.parse({
      keys: [{ name: 'a', sha256: '0'.repeat(64), scopes: ['submit'] }],
    });
    expect(http.port).toBe(8425);
    expect(waybill.image).toBe(`waybill:${VERSION}`);
  });

  test('has a command that exists', async () => {
    const [command = ''] = waybill.command;
    const { code, stdout } = await runWaybill([command, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`waybill ${command}`);
  });
});

describe('the sandbox', () => {
  test('comes only when it is asked for, from the image of the service, and publishes nothing', () => {
    expect(sandbox.profiles).toEqual(['sandbox']);
    expect([redis.profiles, waybill.profiles]).toEqual([undefined, undefined]);
    expect(sandbox.image).toBe(waybill.image);
    expect(sandbox.ports).toBeUndefined();
  });

  test('is reached by the entry that the file shows, on the port that its command names', async () => {
    const [, entry = ''] = /^ {2}# {3}(sandbox: \{(?:.*\n {2}#)+?.*\}) *\}$/m.exec(text) ?? [];
    const config = parseConfig(`clients: { ${entry.replaceAll('\n  #', '\n')} } }`, CONFIG_PATH, {});
    const url = new URL(config.clients.sandbox?.baseUrl ?? '');
    expect(Object.keys(compose.services)).toContain(url.hostname);
    expect(config.clients.sandbox).toMatchObject({ allowPrivateNetwork: true });
    expect(sandbox.command).toEqual(['sandbox', '--host', '0.0.0.0', '--port', url.port]);

    // On this machine alone, and any port, since another one may have this one.
    const here = new Map([
      ['0.0.0.0', '127.0.0.1'],
      [url.port, '0'],
    ]);
    const running = startWaybill([...sandbox.command.map((word) => here.get(word) ?? word), '--json']);
    const { client } = await running.waitForLine(({ kind }) => kind === 'listening', { timeoutMs: 60_000 });
    const endpoints = Object.values(config.clients.sandbox?.endpoints ?? {});
    const paths = endpoints.map(({ type, url: full }) => [type, new URL(full).pathname]);
    expect(client).toMatchObject({ endpoints: Object.fromEntries(paths) });
    running.signal('SIGINT');
    expect((await running.exit).code).toBe(0);
  });
});

describe('Prometheus and Grafana', () => {
  const { prometheus, grafana } = compose.services;

  test('are there where they are asked for, and reached from this machine only', () => {
    for (const { profiles, ports, restart } of [prometheus, grafana]) {
      expect([profiles, restart]).toEqual([['observability'], 'unless-stopped']);
      expect(ports?.every((port) => port.startsWith('127.0.0.1:'))).toBe(true);
    }
    expect(
      Object.entries(compose.services).filter(([, { profiles }]) => profiles === undefined),
    ).toHaveLength(2);
  });

  test('find their files, which they cannot change, and keep their data', () => {
    for (const volume of [...prometheus.volumes, ...grafana.volumes]) {
      const [source = '', , mode] = String(volume).split(':');
      if (source.startsWith('./')) expect([existsSync(join(REPOSITORY, source)), mode]).toEqual([true, 'ro']);
      else expect(Object.keys(compose.volumes)).toContain(source);
    }
    const { providers } = readObservability<{ providers: { options: { path: string } }[] }>(
      'grafana/dashboards.yml',
    );
    const dashboards = grafana.volumes.filter((volume) =>
      String(volume).includes(`:${providers[0]?.options.path}/`),
    );
    expect(dashboards).toHaveLength(1);
  });

  test('scrape the service where the line of configuration that the file shows lets them', () => {
    const line = /^# {3}(metrics: .*)$/m.exec(text)?.[1] ?? '';
    const client =
      'clients: { acme: { baseUrl: https://acme.example, endpoints: { inventory_receipt: / } } }';
    const { metrics } = parseConfig(`${line}\n${client}\n`, CONFIG_PATH, {});
    expect(metrics?.host).toBe('0.0.0.0');
    const scraped = readObservability<{
      rule_files: string[];
      scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
    }>('prometheus/prometheus.yml');
    const targets = scraped.scrape_configs.flatMap((job) => job.static_configs.flatMap((one) => one.targets));
    expect(targets).toEqual([`waybill:${metrics?.port}`]);
    expect(scraped.rule_files.map((file) => readObservability(`prometheus/${file}`))).toHaveLength(1);
    const sources = readObservability<{ datasources: { url: string }[] }>(
      'grafana/datasource.yml',
    ).datasources;
    expect(sources.map(({ url }) => url)).toEqual(['http://prometheus:9090']);
  });
});

describe('the image', () => {
  const manifest = JSON.parse(read('package.json')) as {
    bin: { waybill: string };
    engines: { node: string };
    files: readonly string[];
  };

  test('runs the command of the package as a user without rights, ended by SIGTERM', () => {
    expect(instruction('USER')).toBe('node');
    expect(instruction('STOPSIGNAL')).toBe('SIGTERM');
    expect(JSON.parse(instruction('ENTRYPOINT'))).toEqual(['node', manifest.bin.waybill]);
    expect(JSON.parse(instruction('CMD'))).toEqual(waybill.command);
    expect(existsSync(join(REPOSITORY, manifest.bin.waybill))).toBe(true);
  });

  test('has the texts of waybill docs, as the package has', () => {
    expect(lastStage.map(({ words }) => words)).toContain('--from=build /app/src/docs ./src/docs');
    expect(manifest.files).toContain('src/docs');
  });

  test('is healthy as long as a status can be read', async () => {
    const [, , , command] =
      /^(--\S+ )(--\S+ )(--\S+ )CMD (.*)$/.exec(instruction('HEALTHCHECK'))?.slice(1) ?? [];
    const [node, main, ...args] = JSON.parse(command ?? '[]') as string[];
    expect([node, main]).toEqual(['node', manifest.bin.waybill]);
    expect(args).toEqual(['status', '--json', '--config', CONFIG_PATH]);
  });

  test('has a Node that the package works with, and no dependencies of development', () => {
    expect(manifest.engines.node).toBe('>=20.19');
    expect(instruction('FROM')).toMatch(/^node:2\d-bookworm-slim$/);
    const copied = lastStage.filter(({ name }) => name === 'COPY');
    expect(copied.every(({ words }) => words.startsWith('--from=build '))).toBe(true);
    expect(stages.some(({ words }) => words.includes('npm prune --omit=dev'))).toBe(true);
  });

  test('is built from what .dockerignore lets through, and that is no secret', () => {
    const lines = read('.dockerignore').split('\n');
    const allowed = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    const sources = stages
      .filter(({ name, words }) => name === 'COPY' && !words.startsWith('--from'))
      .flatMap(({ words }) => words.split(' ').slice(0, -1));
    expect(lines).toContain('*');
    expect([...allowed].sort()).toEqual([...sources].sort());
    for (const source of sources) expect(existsSync(join(REPOSITORY, source))).toBe(true);
  });
});
