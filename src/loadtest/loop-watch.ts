import { performance } from 'node:perf_hooks';

/** Watches how much of the time the event loop of this process is busy. */
export interface LoopWatch {
  /** Begins anew. */
  restart(): void;
  /** The share of the time since the last begin in which the event loop was busy, 0 to 1. */
  utilisation(): number;
}

/** Starts watching the event loop of this process. */
export function watchLoop(): LoopWatch {
  let since = performance.eventLoopUtilization();
  return {
    restart() {
      since = performance.eventLoopUtilization();
    },
    utilisation: () => performance.eventLoopUtilization(since).utilization,
  };
}
