import { describe, expect, it } from 'vitest';
import { obtainToken } from '../../src/auth/obtain-token.ts';
import { NO_BLOCK, type RenewalBlock } from '../../src/auth/renewal-block.ts';
import type { TokenRefused } from '../../src/auth/request-token.ts';
import type { Claim, TokenStore } from '../../src/auth/token-store.ts';

const UNUSED = { publish: async () => {}, release: async () => {} };

/** Obtains a token with a store that answers these claims in turn, the last one again and again. */
async function obtain(claims: readonly Claim[], isSpent = (_id: string) => false, longestWaitMs = 60_000) {
  const asked: string[] = [];
  let requests = 0;
  const store: Pick<TokenStore, 'claim' | 'publish' | 'release'> = {
    ...UNUSED,
    claim: async (useless) => {
      const n = asked.push(useless);
      return claims[Math.min(n, claims.length) - 1] as Claim;
    },
  };
  const obtained = await obtainToken(
    {
      requestToken: async () => {
        requests += 1;
        return { accessToken: 'new', lifetimeMs: 1_000 };
      },
      store,
      monotonicNow: () => 500,
      longestWaitMs,
      signal: new AbortController().signal,
    },
    isSpent,
    NO_BLOCK,
  );
  return { obtained, asked, requests };
}

function shared(id: string): Claim {
  return {
    kind: 'token',
    token: { id, accessToken: id, lifetimeMs: 900 },
    remainingMs: 300,
    stored: `{${id}}`,
  };
}

describe('obtainToken', () => {
  it('takes up a token that another process shares, for what is left of its lifetime', async () => {
    const { obtained, requests } = await obtain([shared('a')]);
    expect(obtained).toEqual({ id: 'a', accessToken: 'a', lifetimeMs: 900, expiresAt: 800, source: 'redis' });
    expect(requests).toBe(0);
  });

  it('believes in no more than the whole lifetime, as where the clock of Redis was set back', async () => {
    const claim = { ...shared('a'), remainingMs: 3_600_300 } as Claim;
    const { obtained } = await obtain([claim]);
    expect(obtained).toMatchObject({ id: 'a', lifetimeMs: 900, expiresAt: 500 + 900 });
  });

  it('passes over spent and useless ones', async () => {
    const claims: Claim[] = [shared('a'), { kind: 'useless', stored: '?' }, { kind: 'claimed' }];
    const { obtained, asked, requests } = await obtain(claims, (id) => id === 'a');
    expect(asked).toEqual(['', '{a}', '?']);
    expect(obtained).toMatchObject({ accessToken: 'new', expiresAt: 1_500, source: 'service' });
    expect(requests).toBe(1);
  });

  it('waits for the holder of the lock', async () => {
    const { obtained, asked, requests } = await obtain([{ kind: 'held' }, { kind: 'held' }, shared('b')]);
    expect(obtained).toMatchObject({ id: 'b' });
    expect(asked).toHaveLength(3);
    expect(requests).toBe(0);
  });

  it('asks for itself where the lock is never free', async () => {
    const { obtained, requests } = await obtain([{ kind: 'held' }], undefined, 30);
    expect(obtained).toMatchObject({ accessToken: 'new' });
    expect(requests).toBe(1);
  });

  it('takes over the failure of the holder', async () => {
    const failed = { failure: 'it failed', blame: 'credentials', failures: 3 } as const;
    const { obtained, requests } = await obtain([
      { kind: 'held' },
      { kind: 'failed', failed, remainingMs: 900 },
    ]);
    const block = { failures: 3, until: 500 + 900 };
    expect(obtained).toEqual({ failure: 'it failed', blame: 'credentials', block });
    expect(requests).toBe(0);
  });

  /** Asks a service that refuses, with a store whose lock is free; `released`: what the store was told. */
  async function obtainRefused(refused: TokenRefused, before: RenewalBlock) {
    const released: unknown[] = [];
    const store = {
      ...UNUSED,
      claim: async () => ({ kind: 'claimed' }) as const,
      release: async (...told: unknown[]) => void released.push(told),
    };
    const parts = {
      requestToken: async () => refused,
      store,
      monotonicNow: () => 500,
      longestWaitMs: 60_000,
    };
    const { signal } = new AbortController();
    const obtained = await obtainToken({ ...parts, signal }, () => false, before);
    return { obtained, released };
  }

  it('tells the others of a failure for as long as the block lasts, and how many came before it', async () => {
    const refused = { failure: 'it failed', blame: 'service', status: 503 } as const;
    const before = { failures: 2, until: 0 };
    const { obtained, released } = await obtainRefused(refused, before);
    const { failure, blame } = refused;
    expect(obtained).toEqual({ failure, blame, block: { failures: 3, until: 500 + 20_000 } });
    expect(released).toEqual([[{ failure, blame, failures: 3 }, 20_000]]);
  });

  it('extends no block after a shortage of this machine, and tells the others of none', async () => {
    const refused = { failure: 'it was not asked', blame: 'local' } as const;
    const before = { failures: 2, until: 0 };
    const { obtained, released } = await obtainRefused(refused, before);
    expect(obtained).toEqual({ ...refused, block: before });
    expect(released).toEqual([[]]);
  });
});
