import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { parseConfig } from '../../config/load-config.ts';
import { createLog } from '../../log.ts';
import { closeRedis, openRedis } from '../../queue/connections.ts';
import { type Company, startCompany } from '../../sandbox/company.ts';
import { type Engine, startEngine } from '../../service/engine.ts';
import { openIntake } from '../../service/open-intake.ts';
import { openRedisAccess } from '../../service/redis-access.ts';

/** The companies of the demo, each named for what it shows. */
export const COMPANY_NAMES = ['healthy', 'new-token', 'outage'] as const;
/** One of the demo's companies. */
export type CompanyName = (typeof COMPANY_NAMES)[number];
/** A value for each company. */
export type PerCompany<Value> = Readonly<Record<CompanyName, Value>>;

/** Makes a value for each company. */
export function perCompany<Value>(make: (name: CompanyName, index: number) => Value): PerCompany<Value> {
  const entries = COMPANY_NAMES.map((name, index) => [name, make(name, index)]);
  return Object.fromEntries(entries) as PerCompany<Value>;
}

/** The demo's real parts, in a directory that is removed afterwards. */
export type DemoWorld = Awaited<ReturnType<typeof openDemoWorld>>;

/** Short, so that five retries are through in two seconds: 50, 100, 200, 400, 800 ms. */
const RETRY = { retries: 5, baseDelayMs: 50, factor: 2, maxDelayMs: 5_000, jitter: 0.1 };

/** Starts an embedded Redis and three sandbox companies, and opens the intake. */
export async function openDemoWorld() {
  const directory = await mkdtemp(join(tmpdir(), 'waybill-demo-'));
  const companies: PerCompany<Company> = {
    healthy: await startCompany('healthy'),
    'new-token': await startCompany('new-token', { auth: { type: 'oauth2' } }),
    outage: await startCompany('outage'),
  };
  // An outage of two seconds is to end in dead letters: nothing is held.
  const clients = perCompany((name) => companies[name].clientSettings({ retry: RETRY, pace: 'fixed' }));
  const config = parseConfig(stringify({ clients }), join(directory, 'waybill.yaml'), {});
  const access = await openRedisAccess(config);
  const redis = openRedis(access.location, 'operator', () => {});
  const intake = await openIntake(config, access.location);
  let starting: Promise<Engine> | undefined;
  return {
    config,
    companies,
    intake,
    redis,
    async startEngine(): Promise<void> {
      const log = createLog({ level: 'silent', destination: process.stderr });
      starting = startEngine({ config, redis: access.location, log });
      await starting;
    },
    async close(): Promise<void> {
      // The demo may be interrupted before the engine has started.
      await (await starting)?.stop(config.shutdownGraceMs);
      await intake.close();
      closeRedis(redis);
      await access.release();
      await Promise.all(Object.values(companies).map((company) => company.close()));
      await rm(directory, { recursive: true, force: true });
    },
  };
}
