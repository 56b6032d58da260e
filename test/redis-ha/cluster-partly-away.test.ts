import { expect, test } from 'vitest';
import { generateKey } from '../../src/api/keys.ts';
import { closeRedis, expectAnswer, openRedis } from '../../src/queue/connections.ts';
import { setPaused } from '../../src/queue/pause-client.ts';
import { countServices } from '../../src/queue/stored-clients.ts';
import { healthOf } from '../support/health-client.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { startWaybill } from '../support/waybill-process.ts';
import { clusterScene, TYPE } from './cluster-scene.ts';

failOnLeaks();

const TIMES = 12;
/** A command gives up long before that; it only tells a hang. */
const HANG_MS = 60_000;
const AWAY = {
  killed:
    /Redis cannot be reached: (?:connect ECONNREFUSED 127\.0\.0\.1:\d+|a server of the Cluster is away, or does not answer)/,
  frozen:
    /Redis (?:cannot be reached|did not confirm the write): (?:127\.0\.0\.1:\d+|a server of the Cluster is away, or) does not answer/,
};

test.each(['killed', 'frozen'] as const)(
  'one of three masters is %s and has no replica: commands serve the others, and say so of its clients',
  async (how) => {
    const scene = await clusterScene({ masters: 3, each: 1 });
    const { cluster, names } = scene;
    const [away = '', other = '', another = ''] = names;
    const { key, sha256 } = generateKey();
    scene.configure({ http: { port: 0, keys: [{ name: 'reader', sha256, scopes: ['read'] }] } });
    const service = await scene.startService();
    const [server] = cluster.masters;
    if (how === 'killed') await server?.kill();
    else server?.freeze();

    // Which server is asked first is a matter of chance.
    const opened = Array.from({ length: TIMES }, async () => {
      const redis = openRedis({ cluster: cluster.section.cluster }, 'operator', () => {});
      try {
        await expectAnswer(redis);
        await setPaused(redis, other, false, Date.now());
        return await countServices(redis);
      } finally {
        closeRedis(redis);
      }
    });
    expect(await Promise.all(opened)).toEqual(Array(TIMES).fill(1));
    expect(await scene.run('send', another, '--sample', TYPE)).toMatchObject({ code: 0 });
    await scene.company.waitFor(1, { timeoutMs: HANG_MS });

    const commands = [
      ['status', away],
      ['pause', away],
      ['event', '0195a4c2-3b5e-7d10-8f21-6a0c9d4e7b13', '--client', away],
      ['dead-letters', 'list', '--client', away],
      ['check'],
      ['send', away, '--sample', TYPE],
    ];
    const from = performance.now();
    const ended = commands.map(async (args) => {
      const { code, stdout, stderr } = await scene.run(...args);
      return { args, code, said: stdout + stderr };
    });
    const said = expect.stringMatching(AWAY[how]);
    expect(await Promise.all(ended)).toEqual(commands.map((args) => ({ args, code: 4, said })));
    expect(performance.now() - from).toBeLessThan(HANG_MS);
    const lost = `a server of the Cluster is away, or does not answer, and with it what is known of ${away}`;
    const status = await scene.run('status', '--json');
    expect(status).toMatchObject({ code: 4, stderr: `waybill: ${lost}\n` });
    const { clients, unread } = JSON.parse(status.stdout);
    expect({ unread, clients: Object.keys(clients).sort() }).toEqual({
      unread: [away],
      clients: [other, another].sort(),
    });
    const watch = startWaybill(['status', '--watch', '--json', '--interval', '0.5'], {
      directory: scene.directory,
    });
    const tick = await watch.waitForLine(({ unread: what }) => what !== undefined, { timeoutMs: HANG_MS });
    expect(tick).toMatchObject({ unread: lost, clients: { [other]: { delivered: expect.any(Number) } } });
    watch.signal('SIGTERM');
    await watch.exit;
    // It takes events of the other clients: no balancer is to leave it.
    const health = await healthOf(service);
    const { ready, checks } = await health.readiness();
    expect({ ready, redis: checks.redis }).toEqual({ ready: true, redis: { ok: true, detail: lost } });
    const scrape = await health.scrape();
    expect([scrape.sum('waybill_redis_up'), scrape.sum('waybill_unread_clients')]).toEqual([0, 1]);
    expect(scrape.sum('waybill_events_delivered_total')).toBe(1);
    const { address } = await service.waitForLine('http api listens');
    expect(await nextUnread(`${address}/v1/live`, key, away)).toEqual([away]);
    await until(async () =>
      service.lines.some(
        ({ msg, reason }) => msg === 'incidents could not be looked after' && reason === lost,
      ),
    );

    if (how === 'frozen') server?.thaw();
    else await server?.start();
    const load = scene.load([away]);
    await load.goesOn([away], 1);
    await load.stop();
  },
);

/** The clients that the stream of the console cannot read, from the first overview on in which there are some. */
async function nextUnread(url: string, key: string, client: string): Promise<string[]> {
  const abort = new AbortController();
  const { body } = await fetch(url, { headers: { authorization: `Bearer ${key}` }, signal: abort.signal });
  let text = '';
  for await (const chunk of (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const found = /"unread":\[("[^\]]+)\]/.exec(text)?.[1];
    if (found === undefined) continue;
    abort.abort();
    return JSON.parse(`[${found}]`);
  }
  throw new Error(`the stream ended without ${client}`);
}
