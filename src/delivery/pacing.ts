/** Reserves the next `count` sends of a client over all processes; resolves to ms until the first of them. */
export type ReserveSends = (ratePerSecond: number, count: number) => Promise<number>;

/** Spreads sends evenly, so that a rate limit holds and never bursts. */
export interface Pacing {
  /** Resolves when the next send is due; false once closed. */
  turn(): Promise<boolean>;
  /** Whoever waits gets no turn. */
  dismiss(): void;
  close(): void;
}

/** What pacing is made from. */
export interface PacingOptions {
  readonly ratePerSecond: number;
  readonly reserve: ReserveSends;
  monotonicNow(): number;
  onError(error: Error): void;
}

const RETRY_RESERVE_MS = 1_000;

/** Paces sends by reservations of at most one second's worth. */
export function createPacing({ ratePerSecond, reserve, monotonicNow, onError }: PacingOptions): Pacing {
  const intervalMs = 1_000 / ratePerSecond;
  const most = Math.max(1, Math.floor(ratePerSecond));
  let waiting: ((due: boolean) => void)[] = [];
  let pumping = false;
  let closed = false;
  let wake: (() => void) | undefined;

  async function waitMs(ms: number): Promise<void> {
    if (ms < 1 || closed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    wake = undefined;
  }

  async function pump(): Promise<void> {
    while (waiting.length > 0 && !closed) {
      const count = Math.min(waiting.length, most);
      const asked = monotonicNow();
      const firstInMs = await reserve(ratePerSecond, count);
      for (let i = 0; i < count && !closed; i += 1) {
        await waitMs(asked + firstInMs + i * intervalMs - monotonicNow());
        waiting.shift()?.(!closed);
      }
    }
  }

  async function keepPumping(): Promise<void> {
    pumping = true;
    while (waiting.length > 0 && !closed) {
      try {
        await pump();
      } catch (error) {
        onError(error as Error);
        await waitMs(RETRY_RESERVE_MS);
      }
    }
    pumping = false;
  }

  function dismiss(): void {
    const dismissed = waiting;
    waiting = [];
    for (const resolve of dismissed) resolve(false);
  }

  return {
    turn() {
      if (closed) return Promise.resolve(false);
      return new Promise((resolve) => {
        waiting.push(resolve);
        if (!pumping) void keepPumping();
      });
    },
    dismiss,
    close() {
      closed = true;
      wake?.();
      dismiss();
    },
  };
}
