import type { ClientLook } from '../../queue/look-at-clients.ts';
import type { ClientNews } from './client-news.ts';

/** What a look at Redis came to. */
export type Seen =
  | {
      readonly kind: 'seen';
      readonly looks: ReadonlyMap<string, ClientLook>;
      /** How many services deliver; undefined where Redis does not say. */
      readonly services: number | undefined;
    }
  | {
      readonly kind: 'away';
      /** A sentence. */
      readonly reason: string;
    };

/** What there is to show once an interval. */
export interface WatchTick {
  /** ms since the epoch */
  readonly at: number;
  /** Of the latest look; empty before the first. */
  readonly news: readonly ClientNews[];
  readonly services: number | undefined;
  /** Redis could not be looked at: since when, ms since the epoch, and why. */
  readonly away?: { readonly since: number; readonly reason: string };
}

/** Where ticks are shown. */
export interface WatchView {
  show(tick: WatchTick): void;
  end(): void;
}
