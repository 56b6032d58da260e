import type { ChildProcess } from 'node:child_process';
import type { Metric } from '../core/metric.ts';
import type { FromWorker, ToWorker } from './worker-messages.ts';

/** What a worker process tells of what it has counted. */
export interface WorkerReports {
  readonly latestReport: readonly Metric[] | undefined;
  /** @returns false where no report came within so many milliseconds, or before the worker's end */
  askReport(limitMs: number): Promise<boolean>;
}

/** Asks a worker for reports, one at a time: one that stands still is not sent more than it can read. */
export function reportsOf(child: ChildProcess, tell: (message: ToWorker) => void): WorkerReports {
  let latest: readonly Metric[] | undefined;
  let isAsked = false;
  const waiting = new Set<(told: boolean) => void>();
  const answer = (told: boolean): void => {
    for (const resolve of waiting) resolve(told);
    waiting.clear();
  };
  child.on('message', (message: FromWorker) => {
    if (message.kind !== 'report') return;
    latest = message.metrics;
    isAsked = false;
    answer(true);
  });
  child.on('disconnect', () => answer(false));
  return {
    get latestReport() {
      return latest;
    },
    async askReport(limitMs) {
      if (!child.connected) return false;
      if (!isAsked) tell({ kind: 'report' });
      isAsked = true;
      let timer: NodeJS.Timeout | undefined;
      const told = await new Promise<boolean>((resolve) => {
        waiting.add(resolve);
        timer = setTimeout(() => {
          waiting.delete(resolve);
          resolve(false);
        }, limitMs);
      });
      clearTimeout(timer);
      return told;
    },
  };
}
