import { setImmediate } from 'node:timers/promises';
import type { Authorization, Authorizer, RenewResult } from '../../../src/auth/authorizer.ts';
import { Authorizers, type AuthorizersOptions } from '../../../src/auth/authorizers.ts';
import type { OAuth2Config } from '../../../src/config/client-config.ts';
import { createUndiciPost } from './undici-post.ts';

/** What stands for a process of its own: connections, clock, log and authorizers that nobody else has. */
export interface SimulatedProcess {
  readonly authorizers: Authorizers;
  readonly clock: { now: number };
  /** Moves the clock, and lets what waited for that go on. */
  pass(ms: number): Promise<void>;
  /** Every log line as text. */
  readonly lines: string[];
  /** Resolves with the next log line. */
  nextLine(): Promise<void>;
  authorizer(config: OAuth2Config, network?: string): Authorizer;
  /** Authorizes a request that the endpoint accepts. */
  accepted(authorizer: Authorizer): Promise<Authorization>;
  close(): Promise<void>;
}

/** Makes one. Its clock stands still until the test moves it. */
export function simulateProcess(options: Partial<AuthorizersOptions> = {}): SimulatedProcess {
  const sender = createUndiciPost();
  const clock = { now: 1_000_000 };
  const lines: string[] = [];
  const waiting: (() => void)[] = [];
  const sleepers: { readonly until: number; readonly wake: () => void }[] = [];
  const write = (fields: object, message: string) => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
    for (const resolve of waiting.splice(0)) resolve();
  };
  const log = { debug: write, info: write, warn: write, error: write, isLevelEnabled: () => true };
  const sleep = (ms: number) =>
    new Promise<void>((wake) => {
      sleepers.push({ until: clock.now + ms, wake });
    });
  const monotonicNow = () => clock.now;
  const authorizers = new Authorizers({ monotonicNow, sleep, log, retryDelayMs: 1, ...options });
  return {
    authorizers,
    clock,
    lines,
    nextLine: () => new Promise((resolve) => waiting.push(resolve)),
    async pass(ms) {
      clock.now += ms;
      for (const { until, wake } of sleepers) if (until <= clock.now) wake();
      await setImmediate();
    },
    authorizer: (auth, network = '') =>
      authorizers.get({
        client: 'acme',
        auth,
        post: sender.post,
        timeoutMs: auth.timeoutMs ?? 60_000,
        network,
      }),
    async accepted(authorizer) {
      const authorization = granted(await authorizer.authorize());
      authorizer.reportAccepted(authorization);
      return authorization;
    },
    async close() {
      await authorizers.close();
      await sender.close();
    },
  };
}

/** The authorization that must have been granted. */
export function granted(result: RenewResult): Authorization {
  if (result === undefined) throw new Error('no authorization: no token is asked for now');
  if (!('headers' in result)) throw new Error(`no authorization: ${result.failure}`);
  return result;
}

/** The token in a granted authorization. */
export function tokenOf(result: RenewResult): string | undefined {
  return granted(result).headers[1]?.replace('Bearer ', '');
}

let events = 0;

/** The id of an event that no other request is for. */
export function anEvent(): string {
  events += 1;
  return `event-${events}`;
}
