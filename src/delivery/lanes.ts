import { Lane } from './lane.ts';

/**
 * From this concurrency on no endpoint gets the last permit: where all were out when it stopped answering, the others
 * would wait until the first of its requests time out. Of fewer permits one is too much to keep.
 */
const ALWAYS_ONE_FROM = 8;
/** What ailing endpoints may have of the permits, all of them together. */
const AILING_SHARE = 0.75;
/** Endpoints are judged from this share of the permits on. */
const MANY_SHARE = 0.25;
/** … or from as many attempts in flight as the rate lets begin within this time. */
const MANY_SECONDS = 2;

/** What lanes are made from. */
export interface LanesOptions {
  /** The client's URL for each event type; has no prototype. */
  readonly urls: Readonly<Record<string, string>>;
  readonly concurrency: number;
  readonly ratePerSecond?: number | undefined;
}

/** The endpoints of a client, and what each may have of the client's permits. */
export interface Lanes {
  /** That of an event type; one without a URL where there is no endpoint for it. */
  of(type: string): Lane;
  readonly areAiling: boolean;
  /** Whether a free permit may go to this endpoint. */
  mayHold(lane: Lane): boolean;
  /** The endpoint whose event gets the next permit: of those that wait and may, that which holds the fewest. */
  next(): Lane | undefined;
  /** Whether an ailing endpoint has enough in line without so many of its events. */
  hasEnough(lane: Lane, without: number): boolean;
  dismiss(): void;
  /** Judges all endpoints. @returns those that began to ail, or recovered */
  look(): Lane[];
}

/**
 * Builds the lanes of a client. A client with one endpoint has all permits for it, always. Of several, those that ail
 * leave a quarter to the others, and one at least.
 */
export function createLanes({ urls, concurrency, ratePerSecond }: LanesOptions): Lanes {
  const lanes = Object.entries(urls).map(([type, url]) => new Lane(type, url));
  const byType: Record<string, Lane> = Object.create(null);
  for (const lane of lanes) byType[lane.type] = lane;
  const nowhere = new Lane('', undefined);
  const isShared = lanes.length > 1 && concurrency > 1;
  const most = isShared && concurrency >= ALWAYS_ONE_FROM ? concurrency - 1 : concurrency;
  const mostAiling = Math.max(1, Math.floor(concurrency * AILING_SHARE));
  const rated = ratePerSecond === undefined ? concurrency : Math.ceil(ratePerSecond * MANY_SECONDS);
  const many = Math.min(Math.ceil(concurrency * MANY_SHARE), rated);

  /** Of those that wait for the rate, at most one is of an ailing endpoint: the others get their turns between. */
  function mayHoldAiling(lane: Lane): boolean {
    if (lane.held > lane.inFlight) return false;
    let held = 0;
    for (const other of lanes) if (other.isAiling) held += other.held;
    return held < mostAiling;
  }

  function mayHold(lane: Lane): boolean {
    return lane.isAiling ? mayHoldAiling(lane) : lane.held < most;
  }

  return {
    of: (type) => byType[type] ?? nowhere,
    get areAiling() {
      return lanes.some((lane) => lane.isAiling);
    },
    mayHold,
    next() {
      let next: Lane | undefined;
      for (const lane of lanes) {
        if (lane.waiting.isEmpty || !mayHold(lane)) continue;
        if (next === undefined || lane.held < next.held) next = lane;
      }
      return next;
    },
    hasEnough: (lane, without) => lane.isAiling && lane.standing - without >= mostAiling,
    dismiss() {
      for (const lane of lanes) lane.waiting.dismiss();
    },
    look: () => (isShared ? lanes.filter((lane) => lane.look(many)) : []),
  };
}
