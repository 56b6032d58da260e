import { EventEmitter } from 'node:events';

/** The signals that ask a service to stop, the second time at once. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** The exit code of a process that a signal ended: 128 + its number. */
const SIGNAL_EXIT: Record<(typeof STOP_SIGNALS)[number], number> = { SIGTERM: 143, SIGINT: 130 };

/**
 * Not the signal SIGPIPE, though it stands for it: the kernel sends that one to a process with a handler for it
 * whenever it writes to any socket whose other end is gone, a client's or Redis' as well.
 */
const output = new EventEmitter();

/** Asks the process to stop because its output cannot be written any more. @returns whether anybody listens */
export function stopForLostOutput(): boolean {
  return output.emit('lost');
}

/**
 * Resolves with the first signal that asks the process to stop. A second one ends the process at once: what
 * is under way is taken up again by another process, or at the next start. SIGPIPE stands
 * for an output that cannot be written any more; it hurries nothing.
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
    output.on('lost', () => resolve('SIGPIPE'));
  });
}
