/** Lets one attempt be made while no other is begun in this process, over all clients. */
export interface Solitude {
  /** Undefined where an attempt may begin at once; else resolves when it may. */
  wait(): Promise<void> | undefined;
  begin(): void;
  end(): void;
  /**
   * Runs an action while no other attempt begins; waits for those under way, but not for long. `onLate` is called
   * where the action takes so long that others begin meanwhile.
   */
  alone(action: () => Promise<void> | undefined, onLate: () => void): Promise<void>;
}

/** How long an attempt that wants to be alone waits for those under way. */
const PATIENCE_MS = 1_000;
/** How long others wait for an attempt that is alone: what ends a process does so soon, and endpoints may be slow. */
const LONGEST_HOLD_MS = 1_000;

/** Builds the solitude of a process. */
export function createSolitude(): Solitude {
  let underWay = 0;
  let last: Promise<void> | undefined;
  let current: Promise<void> | undefined;
  let onQuiet: (() => void) | undefined;

  function quiet(): Promise<void> {
    if (underWay === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, PATIENCE_MS);
      onQuiet = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  return {
    // Not the whole queue of those that want to be alone: others go on between two of them.
    wait: () => current,
    begin() {
      underWay += 1;
    },
    end() {
      underWay -= 1;
      if (underWay === 0) onQuiet?.();
    },
    async alone(action, onLate) {
      const before = last;
      let release = (): void => {};
      const mine = new Promise<void>((resolve) => {
        release = resolve;
      });
      const end = (): void => {
        if (current === mine) current = undefined;
        release();
      };
      const whole = before === undefined ? mine : before.then(() => mine);
      last = whole;
      await before;
      current = mine;
      await quiet();
      const hold = setTimeout(() => {
        end();
        onLate();
      }, LONGEST_HOLD_MS);
      try {
        await action();
      } finally {
        clearTimeout(hold);
        if (last === whole) last = undefined;
        end();
      }
    },
  };
}
