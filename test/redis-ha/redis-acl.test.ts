import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { request } from 'undici';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { generateKey } from '../../src/api/keys.ts';
import { type Script, unitOf } from '../../src/sandbox/scripts.ts';
import { readTopic } from '../docs/texts.ts';
import { readView } from '../support/client-view.ts';
import { QUICK_RETRIES } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { startRedisProgram } from '../support/redis-programs.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';
import { runWaybill, startWaybill, testDirectory } from '../support/waybill-process.ts';

const TYPE = 'disposition_update';
const PASSWORD = 'a-long-password';
const START = { timeoutMs: 60_000 };
const SLOTS = 16_384;

/** The words behind `redis-cli` of a command of the document that has these words in it. */
function documented(command: string): string[] {
  const [, text = ''] = new RegExp(`redis-cli (${command}(?:\\\\\\n|.)*)`).exec(readTopic('redis')) ?? [];
  const words = text.replaceAll('\\\n', ' ').replaceAll("'", '').trim().split(/\s+/);
  return words.map((word) => word.replace('>PASSWORD', `>${PASSWORD}`));
}

const USER_RULE = documented('ACL SETUSER waybill');

/** A redis-server with the user of the document, and where it is. */
async function guardedServer(more: readonly string[], rule = USER_RULE) {
  const directory = testDirectory();
  const server = await startRedisProgram((port) => [
    'redis-server',
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', ''],
    ...['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction'],
    ...more,
  ]);
  const admin = server.connect();
  const [acl = '', ...words] = rule;
  expect(await admin.call(acl, ...words)).toBe('OK');
  return { server, admin };
}

/** What was refused to any user so far, newest first. */
async function refusals(admin: Redis): Promise<string[]> {
  const entries = (await admin.call('ACL', 'LOG')) as unknown[][];
  return entries.map((entry) => entry.map(String).join(' '));
}

/** The client's server objects to the units LP-7, LP-17 and so on, until it is told otherwise. */
const objecting: Script = (delivery) =>
  /^LP-\d*7$/.test(unitOf(delivery) ?? '')
    ? { status: 422, body: JSON.stringify({ message: 'not valid', errors: [{ field: '$.upc', code: 'x' }] }) }
    : 200;

/** Thirty events, three of which the client's server objects to. */
const EVENTS = numberedEvents(TYPE, 30).map((event, n) => ({ ...event, optiturn_lp: `LP-${n}` }));
const OBJECTED = 3;

/** Where servers are that have the user of the document, and connections that see what each has refused. */
interface Guarded {
  readonly redis: Record<string, unknown>;
  /** The first has the events. */
  readonly admins: readonly [Redis, ...Redis[]];
}

const USER = { username: 'waybill', password: PASSWORD };

async function oneRedis(): Promise<Guarded> {
  const { server, admin } = await guardedServer([]);
  return { redis: { url: `redis://waybill:${PASSWORD}@127.0.0.1:${server.port}` }, admins: [admin] };
}

/** A Cluster of one server. */
async function aCluster(): Promise<Guarded> {
  const { server, admin } = await guardedServer([
    ...['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'],
  ]);
  await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', String(SLOTS - 1));
  await until(async () => String(await admin.call('CLUSTER', 'INFO')).includes('cluster_state:ok'));
  return { redis: { cluster: [`127.0.0.1:${server.port}`], ...USER, acknowledgedBy: 0 }, admins: [admin] };
}

/** A master with a replica, and a sentinel that has users as well. */
async function sentinel(): Promise<Guarded> {
  const master = await guardedServer([]);
  const { port } = master.server;
  const replica = await guardedServer(['--replicaof', '127.0.0.1', String(port)]);
  await until(async () => /slave0:.*state=online/.test(await master.admin.info('replication')));
  const file = join(testDirectory(), 'sentinel.conf');
  writeFileSync(file, `sentinel monitor waybill-master 127.0.0.1 ${port} 1\n`);
  const program = await startRedisProgram((own) => [
    ...['redis-sentinel', file, '--port', String(own), '--bind', '127.0.0.1'],
  ]);
  const admin = program.connect();
  const [acl = '', ...words] = documented('-p 26379 ACL SETUSER waybill').slice(2);
  expect(await admin.call(acl, ...words)).toBe('OK');
  return {
    redis: {
      sentinels: [`127.0.0.1:${program.port}`],
      name: 'waybill-master',
      ...USER,
      sentinelUsername: 'waybill',
      sentinelPassword: PASSWORD,
    },
    admins: [master.admin, replica.admin, admin],
  };
}

const KINDS = [
  ['one Redis', oneRedis],
  ['a Cluster', aCluster],
  ['Sentinel', sentinel],
] as const;

describe('a user with the rule of redis.md', () => {
  test.each(KINDS)('of %s may do all that a service and its operators do', async (_kind, begin) => {
    const { redis, admins } = await begin();
    const [admin] = admins;
    const company = await testSandbox().company('acme', { script: objecting, auth: { type: 'oauth2' } });
    const { key, sha256 } = generateKey();
    const config = {
      redis,
      http: { port: 0, keys: [{ name: 'orders', sha256, scopes: ['submit', 'operate'] }] },
      metrics: { port: 0 },
      deadLetters: { keepDays: 30 },
      incidents: { lookEveryMs: 100, downAfterMs: 0 },
      clients: {
        acme: company.clientSettings({
          retry: { ...QUICK_RETRIES, retries: 1 },
          ratePerSecond: 1_000,
          maxAgeHours: 24,
          pace: { holdMs: 60_000 },
        }),
      },
    };
    const directory = testDirectory();
    writeFileSync(join(directory, 'waybill.yaml'), stringify(config));
    writeFileSync(
      join(directory, 'events.ndjson'),
      EVENTS.map((event) => `${JSON.stringify(event)}\n`).join(''),
    );
    const env = { WAYBILL_SECRET_KEY: 'a-key-of-sixteen-or-more' };
    const run = async (line: string, codes: readonly (number | null)[] = [0]) => {
      const done = await runWaybill(line.split(' '), { directory, env });
      expect(codes, `${line}: ${done.stderr}${done.stdout}`).toContain(done.code);
      return done.stdout;
    };
    const reaches = (counts: { delivered?: number; dead?: number }) =>
      until(async () => {
        const view = await readView(admin, 'acme');
        return (
          view.delivered === (counts.delivered ?? view.delivered) && view.dead === (counts.dead ?? view.dead)
        );
      });

    const service = startWaybill(['start', '--workers', '2', '--log-level', 'debug'], { directory, env });
    const { address } = await service.waitForLine('http api listens', START);
    const metrics = await service.waitForLine('metrics served', START);
    await service.waitForLine('started', START);

    // Events in, and out: at once, with a retry, as dead letters; and once more under their keys.
    const keyed = `send acme ${TYPE} events.ndjson --idempotency-key {$.optiturn_lp}`;
    await run(keyed);
    await reaches({ delivered: EVENTS.length - OBJECTED, dead: OBJECTED });
    await run(keyed);
    const submitted = await request(`${address}/v1/clients/acme/events/${TYPE}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(EVENTS[0]),
    });
    expect(submitted.statusCode).toBe(202);
    await submitted.body.dump();
    await reaches({ delivered: EVENTS.length - OBJECTED + 1 });

    // A pause.
    await run('pause acme');
    await run(`send acme ${TYPE} --sample --count 2`);
    await run('status acme');
    await run('resume acme');
    await reaches({ delivered: EVENTS.length - OBJECTED + 3 });

    // What is known of events, incidents, endpoints and people.
    const letters = JSON.parse(await run('dead-letters list --client acme --json'));
    const [{ id }] = letters.deadLetters ?? letters;
    await run(`dead-letters show ${id}`);
    await run('dead-letters export --client acme --output letters.ndjson');
    await run(`event ${id}`);
    await run(`events --unit LP-7`);
    await run('events --client acme --outcome delivered --csv');
    await run('events --outcome failed --since 1h');
    await until(async () => (await run('incidents --json')).includes(TYPE));
    await run('report acme');
    await run('status --json');
    await run('pace acme');
    await run(`pace acme ${TYPE} --open`);

    // Dead letters go back, or for good.
    await run('dead-letters replay --client acme --dry-run');
    company.script(200);
    await run('dead-letters replay --client acme --canary 1 --limit 2 --yes');
    await run('dead-letters discard --client acme --yes');
    await reaches({ dead: 0, delivered: EVENTS.length - OBJECTED + 5 });
    await run('send --from-export letters.ndjson --again');
    await reaches({ delivered: EVENTS.length - OBJECTED + 8 });
    await run('audit --client acme');
    await until(async () => JSON.parse(await run('incidents --json')).open?.length !== 1);

    // Looks of the operator, of Prometheus, and a load test.
    await run('check');
    for (const path of ['readyz', 'metrics']) {
      const { statusCode, body } = await request(`http://127.0.0.1:${metrics['port']}/${path}`);
      expect(statusCode).toBe(200);
      await body.dump();
    }
    await run(
      `loadtest run acme ${TYPE} --via engine --rate 20 --duration 1s --warmup 0s --slo delivered>50% --yes --quiet`,
      // 5: a machine that is busy with other things keeps no generator to its plan.
      [0, 5],
    );
    const watch = startWaybill(['status', '--watch', '--interval', '0.1', '--json'], { directory, env });
    await watch.waitForLine(() => true, START);
    watch.signal('SIGTERM');
    await watch.exit;

    const list = String(await admin.client('LIST'));
    const users = [...list.matchAll(/ name=(waybill-\S+) .* user=(\S+)/g)].map(([, , user]) => user);
    expect(users.length).toBeGreaterThan(4);
    expect(new Set(users)).toEqual(new Set(['waybill']));

    service.signal('SIGHUP');
    await service.waitForLine('workers replaced', START);
    service.signal('SIGTERM');
    expect((await service.exit).code).toBe(0);
    expect(service.lines.filter(({ msg }) => msg === 'redis error')).toEqual([]);
    expect(await Promise.all(admins.map(refusals))).toEqual(admins.map(() => []));
  });

  test('may do nothing with keys and channels of others, and nothing that a server is administered by', async () => {
    const { server, admin } = await guardedServer([]);
    const user = server.connect({ username: 'waybill', password: PASSWORD });
    for (const [command = '', ...words] of [
      ['get', 'other'],
      ['set', 'wbx', '1'],
      ['publish', 'other', 'x'],
      ['eval', "return redis.call('get', 'other')", '0'],
      ['flushall'],
      ['keys', '*'],
      ['config', 'set', 'appendonly', 'no'],
      ['client', 'kill', 'type', 'normal'],
      ['acl', 'list'],
      ['replicaof', 'no', 'one'],
      ['shutdown'],
    ]) {
      await expect(user.call(command, ...words), command).rejects.toThrow(/NOPERM|No permissions|can't/i);
    }
    expect((await refusals(admin)).length).toBeGreaterThan(5);
  });

  test('without the channel is told of it in the log, and events are delivered all the same', async () => {
    const { server, admin } = await guardedServer(
      [],
      USER_RULE.filter((word) => word !== '&wb:*'),
    );
    const company = await testSandbox().company('acme');
    const url = `redis://waybill:${PASSWORD}@127.0.0.1:${server.port}`;
    const directory = testDirectory();
    writeFileSync(
      join(directory, 'waybill.yaml'),
      stringify({ redis: { url }, clients: { acme: company.clientSettings() } }),
    );
    const service = startWaybill(['start', '--workers', '1'], { directory });
    const { reason } = await service.waitForLine('redis error', START);
    expect(reason).toContain('NOPERM');
    await service.waitForLine('started', START);
    const sent = await runWaybill(['send', 'acme', TYPE, '--sample'], { directory });
    expect(sent).toMatchObject({ code: 0 });
    await company.waitFor(1, START);
    expect((await refusals(admin)).join()).toContain('wb:work');
  });
});
