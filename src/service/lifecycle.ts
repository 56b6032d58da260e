import { EventEmitter } from 'node:events';
import { writeSync } from 'node:fs';

/** The signals that ask a service to stop, the second time at once. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** The exit code of a process that a signal ended: 128 + its number. */
export const SIGNAL_EXIT = { SIGTERM: 143, SIGINT: 130 } as const;

/**
 * Not the signal SIGPIPE, though it stands for it: the kernel sends that one to a process with a handler for it
 * whenever it writes to any socket whose other end is gone, a client's or Redis' as well.
 */
const output = new EventEmitter();

/** Asks the process to stop because its output cannot be written any more. @returns whether anybody listens */
export function stopForLostOutput(): boolean {
  return output.emit('lost');
}

/** Calls a function when the output cannot be written any more. */
export function onLostOutput(listener: () => void): void {
  output.on('lost', listener);
}

/**
 * Resolves with the first signal that asks the process to stop. A second one ends the process at once: what
 * is under way is taken up again by another process, or at the next start; `onSecond` is called before.
 * SIGPIPE stands for an output that cannot be written any more; it hurries nothing.
 */
export function stopSignal(onSecond: () => void = () => {}): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let stopping = false;
    for (const signal of STOP_SIGNALS) {
      process.on(signal, () => {
        if (stopping) {
          onSecond();
          process.exit(SIGNAL_EXIT[signal]);
        }
        stopping = true;
        resolve(signal);
      });
    }
    onLostOutput(() => resolve('SIGPIPE'));
  });
}

const STDERR = 2;
const CRASHED = 1;
const MOST_CAUSES = 5;

/**
 * Ends the process on an uncaught error, as Node does, but says only its stack and those of its
 * causes: Node prints everything that hangs on an error, and ioredis hangs commands with their arguments there.
 */
export function endOnCrash(): void {
  process.on('uncaughtException', (error: unknown) => {
    try {
      // What is written later may never come out.
      writeSync(STDERR, `waybill: crashed: ${stacksOf(error).join('\n  caused by: ')}\n`);
    } finally {
      process.exit(CRASHED);
    }
  });
}

function stacksOf(error: unknown): string[] {
  const stacks: string[] = [];
  let next = error;
  for (; next instanceof Error && stacks.length <= MOST_CAUSES; next = next.cause) {
    stacks.push(next.stack ?? next.message);
  }
  if (next !== undefined && stacks.length <= MOST_CAUSES) stacks.push(`a ${typeof next} was thrown`);
  return stacks;
}
