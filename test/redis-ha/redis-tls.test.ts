import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { freePorts, startCluster } from '../support/cluster.ts';
import { type RedisProgram, startRedisProgram } from '../support/redis-programs.ts';
import { testSandbox } from '../support/sandbox.ts';
import { testCertificates } from '../support/tls.ts';
import { until } from '../support/until.ts';
import { runWaybill, startWaybill, testDirectory } from '../support/waybill-process.ts';

const TYPE = 'disposition_update';
const START = { timeoutMs: 60_000 };
const EVENTS = 3;
const MASTERS = 2;
const TLS = { ca: 'ca.pem', cert: 'waybill.pem', key: 'waybill.key' };
/** Those of a client without a certificate of its own. */
const CA_ALONE = { ca: 'ca.pem' };

/** A directory with the certificates, and words that have a server ask for one of its clients. */
async function secured() {
  const directory = testDirectory();
  const { ca, valid, client, selfSigned } = await testCertificates();
  const files = {
    'ca.pem': ca,
    'server.pem': valid.cert,
    'server.key': valid.key,
    'waybill.pem': client.cert,
    'waybill.key': client.key,
    'other-ca.pem': selfSigned.cert,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const path = (name: string): string => join(directory, name);
  // Among each other the servers are clients as well.
  const words = [
    ...['--port', '0', '--bind', '127.0.0.1', '--tls-auth-clients', 'yes', '--tls-replication', 'yes'],
    ...['--tls-ca-cert-file', path('ca.pem')],
    ...['--tls-cert-file', path('server.pem'), '--tls-key-file', path('server.key')],
    ...['--tls-client-cert-file', path('waybill.pem'), '--tls-client-key-file', path('waybill.key')],
  ];
  const tls = { ca, cert: client.cert, key: client.key };
  return { directory, words, tls };
}

type Secured = Awaited<ReturnType<typeof secured>>;

function startServer({ words }: Secured, more: readonly string[] = []): Promise<RedisProgram> {
  const settings = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always'];
  const own = ['--maxmemory-policy', 'noeviction', '--dir', testDirectory()];
  return startRedisProgram((port) => [
    'redis-server',
    ...['--tls-port', String(port)],
    ...[...words, ...settings, ...own, ...more],
  ]);
}

/** A place with one client, and how its configuration is written for a Redis. */
async function place({ directory }: Secured) {
  const company = await testSandbox().company('acme');
  const clients = { acme: company.clientSettings() };
  return {
    company,
    run: (line: string, redis: object) =>
      runWaybill(line.split(' '), { directory, config: { redis, clients } }),
    start(redis: object) {
      writeFileSync(join(directory, 'waybill.yaml'), stringify({ redis, clients }));
      return startWaybill(['start', '--workers', '1'], { directory });
    },
  };
}

/** Sends events with a service that delivers them, and looks what the servers are judged to be. */
async function journey(servers: Secured, redis: object): Promise<void> {
  const { company, run, start } = await place(servers);
  const service = start(redis);
  await service.waitForLine('started', START);
  const sent = await run(`send acme ${TYPE} --sample --count ${EVENTS}`, redis);
  expect(sent).toMatchObject({ code: 0 });
  await company.waitFor(EVENTS, START);
  await until(async () => {
    const { code, stdout } = await run('status --json', redis);
    expect(code).toBe(0);
    return JSON.parse(stdout).clients.acme.delivered === EVENTS;
  });
  const checked = await run('check', redis);
  expect(checked).toMatchObject({ code: 0 });
  expect(checked.stdout).toContain('its settings keep events');
  service.signal('SIGTERM');
  expect((await service.exit).code).toBe(0);
  expect(service.lines.filter(({ msg }) => msg === 'redis error')).toEqual([]);
}

describe('one Redis with TLS that asks for a certificate', () => {
  test('is sent to, delivered from and looked at', async () => {
    const servers = await secured();
    const { port } = await startServer(servers);
    await journey(servers, { url: `rediss://127.0.0.1:${port}`, tls: TLS });
  });

  test.each([
    [
      'an authority that did not sign it',
      { ...TLS, ca: 'other-ca.pem' },
      /self-signed certificate|unable to (?:get|verify)/,
    ],
    [
      'the public authorities',
      { cert: TLS.cert, key: TLS.key },
      /self-signed certificate|unable to (?:get|verify)/,
    ],
    // TLS 1.3 says it after the handshake; what the client has written by then may be answered by a reset.
    ['no certificate of its own', CA_ALONE, /certificate required|ECONNRESET/],
  ])('with %s ends a command with 4 and says why', async (_what, tls, why) => {
    const servers = await secured();
    const { port } = await startServer(servers);
    const { run } = await place(servers);
    const redis = { url: `rediss://127.0.0.1:${port}`, tls };
    for (const line of ['status', `send acme ${TYPE} --sample`]) {
      const { code, stderr } = await run(line, redis);
      expect([line, code, stderr]).toEqual([line, 4, expect.stringMatching(why)]);
      expect(stderr).toContain('waybill: Redis cannot be reached: ');
    }
  });

  test('that is called otherwise in its certificate ends a command with 4 and says so', async () => {
    const servers = await secured();
    const { wrongHost } = await testCertificates();
    const [cert, key] = [join(servers.directory, 'other.pem'), join(servers.directory, 'other.key')];
    writeFileSync(cert, wrongHost.cert);
    writeFileSync(key, wrongHost.key);
    const { port } = await startServer(servers, ['--tls-cert-file', cert, '--tls-key-file', key]);
    const { run } = await place(servers);
    const { code, stderr } = await run('status', { url: `rediss://127.0.0.1:${port}`, tls: TLS });
    expect([code, stderr]).toEqual([
      4,
      expect.stringMatching(/cannot be reached: .*does not match certificate/),
    ]);
  });
});

test('Sentinel with TLS names a master with TLS, whose replica has what is accepted', async () => {
  const servers = await secured();
  const master = await startServer(servers, ['--min-replicas-to-write', '1']);
  await startServer(servers, [
    '--min-replicas-to-write',
    '1',
    '--replicaof',
    '127.0.0.1',
    String(master.port),
  ]);
  const admin = master.connect({ tls: servers.tls });
  await until(async () => /slave0:.*state=online/.test(await admin.info('replication')));
  const file = join(testDirectory(), 'sentinel.conf');
  writeFileSync(file, `sentinel monitor waybill-master 127.0.0.1 ${master.port} 1\n`);
  const sentinel = await startRedisProgram((port) => [
    ...['redis-sentinel', file, '--tls-port', String(port)],
    ...servers.words,
  ]);
  await journey(servers, {
    sentinels: [`127.0.0.1:${sentinel.port}`],
    name: 'waybill-master',
    tls: TLS,
  });
});

test('a Cluster whose servers speak TLS and ask for a certificate is sent to, delivered from and looked at', async () => {
  const servers = await secured();
  const { directory } = servers;
  const ports = await freePorts(MASTERS);
  const cluster = await startCluster({
    masters: MASTERS,
    settings: (index) => ({
      'tls-port': String(ports[index]),
      'tls-cluster': 'yes',
      'tls-auth-clients': 'yes',
      'tls-ca-cert-file': join(directory, 'ca.pem'),
      'tls-cert-file': join(directory, 'server.pem'),
      'tls-key-file': join(directory, 'server.key'),
      'tls-client-cert-file': join(directory, 'waybill.pem'),
      'tls-client-key-file': join(directory, 'waybill.key'),
    }),
  });
  // One without replicas has nobody to confirm what it takes.
  const redis = { cluster: [`127.0.0.1:${ports[0]}`], tls: TLS, acknowledgedBy: 0 };
  await journey(servers, redis);
  // The test's own connections are plain: these are the servers that it was.
  const sizes = await Promise.all(cluster.masters.map(({ redis: server }) => server.dbsize()));
  expect(Math.max(...sizes)).toBeGreaterThan(0);
});
