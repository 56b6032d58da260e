import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { unlessCalledOff } from '../core/call-off.ts';
import { atMost } from '../core/time.ts';
import type { Lookup } from '../http/share-questions.ts';

const LOOKUP_TIMEOUT_MS = 5_000;
/** Node has two threads for names, and a name whose server is away holds one for ten seconds or more. */
const LOOKUPS_AT_ONCE = 2;

/** Why a host has no addresses if its turn came after the deadline. */
export const NO_TIME = 'there was no time to ask';

/** A host's addresses, or the code of what went wrong. */
export type ResolveHost = (host: string) => Promise<readonly string[] | string>;

/**
 * Makes a resolver that asks the system once for each host, as connecting would, and gives up after 5 s. A name that
 * waits for the threads of others has its 5 s from its turn on.
 *
 * @param deadline no name is asked for later; in milliseconds of the monotonic clock
 * @param signal ends the waiting as well
 */
export function createResolveHost(deadline: number, signal?: AbortSignal): ResolveHost {
  const asked = new Map<string, ReturnType<ResolveHost>>();
  const waiting: (() => void)[] = [];
  let underWay = 0;

  async function resolve(host: string): ReturnType<ResolveHost> {
    if (isIP(host) !== 0) return [host];
    if (underWay >= LOOKUPS_AT_ONCE) await new Promise<void>((begin) => waiting.push(begin));
    underWay += 1;
    const isLate = signal?.aborted || performance.now() >= deadline;
    const found = isLate ? Promise.resolve(NO_TIME) : ask(host);
    void found.then(() => {
      underWay -= 1;
      waiting.shift()?.();
    });
    return (await atMost(LOOKUP_TIMEOUT_MS, found)) ?? `no answer within ${LOOKUP_TIMEOUT_MS} ms`;
  }

  return (host) => {
    const answer = asked.get(host) ?? resolve(host);
    asked.set(host, answer);
    return signal === undefined ? answer : unlessCalledOff(answer, signal, NO_TIME);
  };
}

async function ask(host: string): ReturnType<ResolveHost> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code ?? message;
  }
}

/** The resolver as connections take it: they ask for no name again. */
export function toLookup(resolveHost: ResolveHost): Lookup {
  return (hostname, _options, found) => {
    void resolveHost(hostname).then((addresses) => {
      if (typeof addresses === 'string') {
        found(Object.assign(new Error(`${hostname}: ${addresses}`), { code: addresses }), []);
      } else
        found(
          null,
          addresses.map((address) => ({ address, family: isIP(address) })),
        );
    });
  };
}
