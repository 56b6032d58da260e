/**
 * Runs an action each time that it is asked for, never twice at once. Of several calls that come while it runs,
 * one further run serves all: it begins after each of them.
 *
 * @param action where it fails, it is to say so itself: the runs after it go on
 */
export function runOnceMore(action: () => Promise<void>): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  let isWaiting = false;
  const run = (): Promise<void> => {
    isWaiting = false;
    return action();
  };
  return () => {
    if (!isWaiting) last = last.then(run, run);
    isWaiting = true;
    return last;
  };
}
