import { expect, test } from 'vitest';
import { endpointPrefix } from '../../src/queue/names.ts';
import type { Company } from '../../src/sandbox/company.ts';
import type { ReceivedRequest } from '../../src/sandbox/request-log.ts';
import { ask, type Script, unitOf } from '../../src/sandbox/scripts.ts';
import * as redis from '../redis/data-dirs.ts';
import { embeddedWaybill } from '../support/embedded-waybill.ts';
import { dispositionsOf, numberedEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import type { NodeProcess } from '../support/node-process.ts';
import { redisOnPath } from '../support/redis-on-path.ts';
import { hold } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';
import { fakeWallClock, whyNoWallClock } from '../support/wall-clock.ts';

failOnLeaks();

const HOUR_S = 3_600;
const PATIENT = { timeoutMs: 60_000 };
const RETRY = { retries: 5, baseDelayMs: 400, factor: 1, maxDelayMs: 400, jitter: 0 };
const RATE = 20;
const PACED = 80;
const JUMPS_AHEAD = 2;

const unit = (n: number): string => String(numberedEvent('disposition_update', n).optiturn_lp);
const units = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, n) => unit(from + n));
/** In flight from before the first jump, and from before the second. */
const HELD = new Set([unit(0), unit(40)]);
const FAIL_ONCE = new Set([...units(1, 10), ...units(60, 5)]);
const DOOMED = new Set(units(11, 3));

/** The requests for a unit, in their order. */
function requestsFor(company: Company, name: string): ReceivedRequest[] {
  return company.requests.filter((request) => unitOf(request) === name);
}

/** The attempts of a unit's event as they were begun; `oft`: each is named once, however often it was sent. */
function attemptsFor(company: Company, name: string, oft: boolean): string {
  const numbers = requestsFor(company, name).map(({ headers }) => headers['x-waybill-attempt']);
  return (oft ? [...new Set(numbers)] : numbers).join('');
}

const answered = (company: Company, status: number): number =>
  company.requests.filter((request) => request.answered?.status === status).length;

/** The most requests within any second, by the receiver's own monotonic clock. */
function mostInASecond(requests: readonly ReceivedRequest[]): number {
  const times = requests.map(({ at }) => at);
  return Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length));
}

const LONGEST_RENEWAL_MS = 30_000;
const LONGEST_TAKEOVER_MS = 60_000;

/** Resolves when the locks of all open batches of a client were renewed: they last longer than a moment before. */
async function locksRenewed(socketPath: string, client: string): Promise<void> {
  const prefix = endpointPrefix(dispositionsOf(client));
  await redis.ask(socketPath, async (connection) => {
    const open = () => connection.lrange(`${prefix}active`, 0, -1);
    const renewed = async (id: string): Promise<void> => {
      let last = Number.POSITIVE_INFINITY;
      await until(async () => {
        const left = await connection.pttl(`${prefix}${id}:lock`);
        if (left < 0 && (await open()).includes(id)) throw new Error(`the lock of ${id} has run out`);
        const isOver = left < 0 || left > last;
        last = left;
        return isOver;
      }, LONGEST_RENEWAL_MS);
    };
    await Promise.all((await open()).map(renewed));
  });
}

/**
 * Resolves when Redis' clock is ahead, and each batch whose lock ran out by that is held anew. A batch that is still
 * without a lock when the clock goes back waits until Redis has caught up.
 */
async function takenAnew(socketPath: string, client: string, aheadS: number): Promise<void> {
  const prefix = endpointPrefix(dispositionsOf(client));
  const wall = Date.now() / 1_000;
  await redis.ask(socketPath, async (connection) => {
    await until(async () => {
      if (Number((await connection.time())[0]) < wall + aheadS / 2) return false;
      const open = await connection.lrange(`${prefix}active`, 0, -1);
      const locks = await Promise.all(open.map((id) => connection.exists(`${prefix}${id}:lock`)));
      // One that came back to a process that still had it open waits for a second.
      const moving = await Promise.all([
        connection.llen(`${prefix}wait`),
        connection.zcard(`${prefix}delayed`),
      ]);
      return locks.every((isLocked) => isLocked === 1) && moving.every((count) => count === 0);
    }, LONGEST_TAKEOVER_MS);
  });
}

const count = (service: NodeProcess, message: string): number =>
  service.lines.filter((line) => line.msg === message).length;

/** How often each batch lost its lock. */
function losses(service: NodeProcess): Map<unknown, number> {
  const lost = service.lines.filter((line) => line.msg === 'lock lost').map((line) => line.batch);
  return new Map(lost.map((batch) => [batch, lost.filter((other) => other === batch).length]));
}

async function twoCompanies() {
  const sandbox = testSandbox();
  const held = hold();
  const script: Script = (request, seen) => {
    const name = unitOf(request) ?? '';
    if (HELD.has(name)) return ask(held.script, request, seen);
    if (DOOMED.has(name) || (FAIL_ONCE.has(name) && seen.ofEvent === 1)) return 503;
    return {};
  };
  const acme = await sandbox.company('acme', { auth: { type: 'oauth2' }, script });
  return { acme, held, paced: await sandbox.company('paced') };
}

const reason = whyNoWallClock();

/** Which processes go by the clock that jumps. */
const JUMPS = [
  { whose: 'the service', service: true, server: false },
  { whose: 'Redis', service: false, server: true },
  { whose: 'the whole machine', service: true, server: true },
];

test.skipIf(reason !== undefined).for(JUMPS)(
  'the wall clock of $whose jumps by an hour, ahead, back and ahead',
  { timeout: 300_000 },
  async ({ service: ofService, server: ofServer }) => {
    const clock = fakeWallClock();
    const { acme, held, paced } = await twoCompanies();
    const { path } = redisOnPath(ofServer ? clock.shell : '');
    const clients = {
      acme: acme.clientSettings({ retry: RETRY, concurrency: 64, timeoutMs: 60_000 }),
      paced: paced.clientSettings({ ratePerSecond: RATE }),
    };
    const waybill = embeddedWaybill(clients, { ...(ofService ? clock.env : {}), PATH: path });
    const service = waybill.start();
    await service.waitForLine('delivering', PATIENT);
    const sent = [await waybill.send('acme', 0, 1)];
    await acme.waitFor(1, PATIENT);
    sent.push(...(await Promise.all([waybill.send('paced', 0, PACED), waybill.send('acme', 1, 30)])));
    await acme.waitFor((seen) => answered(seen, 503) >= 13, PATIENT);

    clock.set(HOUR_S);
    sent.push(await waybill.send('acme', 40, 10));
    await acme.waitFor((seen) => units(41, 9).every((name) => delivered(seen, name)), PATIENT);

    const { socketPath = '' } = redis.recorded(waybill.dataDir) ?? {};
    if (ofServer) for (const client of ['acme', 'paced']) await takenAnew(socketPath, client, HOUR_S);

    clock.set(0);
    // What fails now is tried again after its delay, whatever an earlier hour has left behind.
    sent.push(await waybill.send('acme', 50, 15));
    await acme.waitFor((seen) => units(50, 15).every((name) => delivered(seen, name)), PATIENT);
    if (!ofServer) await locksRenewed(socketPath, 'acme');

    await paced.waitFor(({ deliveredIds }) => deliveredIds.size === PACED, PATIENT);

    // What was put off by an hour is due again.
    clock.set(HOUR_S);
    held.release();
    const all = [...units(0, 31), ...units(40, 10), ...units(50, 15)];
    const undoomed = all.filter((name) => !DOOMED.has(name));
    await acme.waitFor((seen) => undoomed.every((name) => delivered(seen, name)), PATIENT);
    await service.waitForLine(() => count(service, 'dead letter') === DOOMED.size, PATIENT);

    expect(sent.map(({ accepted }) => accepted)).toEqual([1, PACED, 30, 10, 15]);
    // Redis lets locks run out by its own clock: what was not settled is then sent again, as the same attempt.
    const attempts = (name: string) => attemptsFor(acme, name, ofServer);
    for (const name of DOOMED) expect(attempts(name)).toBe('123456');
    for (const name of FAIL_ONCE) expect(attempts(name)).toBe('12');
    for (const name of undoomed.filter((name) => !FAIL_ONCE.has(name))) expect(attempts(name)).toBe('1');
    for (const times of losses(service).values())
      expect(times).toBeLessThanOrEqual(ofServer ? JUMPS_AHEAD : 0);
    expect(new Set(acme.requests.map(({ eventId }) => eventId)).size).toBe(all.length);
    expect(acme.tokenRequests).toHaveLength(1);
    expect(mostInASecond(paced.requests)).toBeLessThanOrEqual(RATE * 1.5);
    service.signal('SIGTERM');
    expect(await service.exit).toEqual({ code: 0, signal: null });
  },
);

function delivered(company: Company, name: string): boolean {
  return requestsFor(company, name).some((request) => request.answered?.status === 200);
}
