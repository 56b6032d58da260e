import { useState } from 'preact/hooks';
import type { LiveState } from './live.ts';
import { Time, useEvery } from './ui.tsx';

/** After this time without a reading the rows are old, though the stream is open. */
const OLD_MS = 15_000;
const LOOK_EVERY_MS = 1_000;

const LINK_TEXTS = {
  connecting: 'connecting…',
  live: 'live',
  old: 'nothing new came',
  away: 'Redis is away',
  lost: 'connection lost',
} as const;

/** Whether what is shown is of now. */
export function Connection({ live: { link, at, cameAt, reason } }: { live: LiveState }) {
  const [now, setNow] = useState(performance.now());
  useEvery(LOOK_EVERY_MS, () => setNow(performance.now()));
  const state = link === 'live' && now - cameAt > OLD_MS ? 'old' : link;
  return (
    <span class={`link link-${state}`} role="status">
      {LINK_TEXTS[state]}
      {state !== 'live' && at !== undefined && (
        <>
          {': as of '}
          <Time at={at} />
        </>
      )}
      {reason !== '' && <span class="detail"> ({reason})</span>}
    </span>
  );
}
