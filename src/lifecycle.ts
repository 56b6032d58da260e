/** The signals that ask a service to stop, the second time at once. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** The exit code of a process that a signal ended: 128 + its number. */
const SIGNAL_EXIT: Record<(typeof STOP_SIGNALS)[number], number> = { SIGTERM: 143, SIGINT: 130 };

/**
 * Resolves with the first signal that asks the process to stop. A second one ends the process at once: what
 * is under way is taken up again by another process, or at the next start. SIGPIPE is what the process gives
 * itself when its output cannot be written any more; it hurries nothing.
 */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let stopping = false;
    for (const signal of STOP_SIGNALS) {
      process.on(signal, () => {
        if (stopping) process.exit(SIGNAL_EXIT[signal]);
        stopping = true;
        resolve(signal);
      });
    }
    process.on('SIGPIPE', () => resolve('SIGPIPE'));
  });
}
