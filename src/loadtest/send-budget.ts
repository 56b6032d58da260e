/**
 * How many events a load test may send in all. Whatever sends takes from it first, so that it is exact, and the one
 * count of what was sent: first events, warm-ups and looks whether an endpoint has settled are in it.
 */
export interface SendBudget {
  readonly most: number;
  readonly spent: number;
  /** Takes one event out of it; false: nothing may be sent any more. */
  take(): boolean;
}

/** Makes a budget of which nothing is spent. */
export function createSendBudget(most: number): SendBudget {
  let spent = 0;
  return {
    most,
    get spent() {
      return spent;
    },
    take() {
      if (spent >= most) return false;
      spent += 1;
      return true;
    },
  };
}
