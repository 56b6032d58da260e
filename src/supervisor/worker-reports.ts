import type { ChildProcess } from 'node:child_process';
import type { Metric } from '../core/metric.ts';
import { atMost } from '../core/time.ts';
import type { FromWorker, ToWorker } from './worker-messages.ts';

/** What a worker process tells of what it has counted. */
export interface WorkerReports {
  readonly latestReport: readonly Metric[] | undefined;
  /** @returns false if no report came within so many milliseconds, or before the worker's end */
  askReport(limitMs: number): Promise<boolean>;
}

/** Asks a worker for reports, one at a time: one that stands still is not sent more than it can read. */
export function reportsOf(child: ChildProcess, tell: (message: ToWorker) => void): WorkerReports {
  let latest: readonly Metric[] | undefined;
  let question: Question | undefined;
  const answer = (told: boolean): void => {
    question?.answer(told);
    question = undefined;
  };
  child.on('message', (message: FromWorker) => {
    if (message.kind !== 'report') return;
    latest = message.metrics;
    answer(true);
  });
  child.on('disconnect', () => answer(false));
  return {
    get latestReport() {
      return latest;
    },
    async askReport(limitMs) {
      if (!child.connected) return false;
      if (question === undefined) {
        question = openQuestion();
        tell({ kind: 'report' });
      }
      return (await atMost(limitMs, question.answered)) ?? false;
    },
  };
}

interface Question {
  readonly answered: Promise<boolean>;
  answer(told: boolean): void;
}

function openQuestion(): Question {
  let answer: (told: boolean) => void = () => {};
  const answered = new Promise<boolean>((resolve) => {
    answer = resolve;
  });
  return { answered, answer };
}
