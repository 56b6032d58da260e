import { type ChildProcess, fork } from 'node:child_process';
import type { Metric } from '../core/metric.ts';
import { atMost } from '../core/time.ts';

/** What a worker is started with. */
export interface WorkerSettings {
  /** Its number among the workers, which stands in the lines of its log. */
  readonly worker: number;
  /** The configuration file's path, and its text: all workers are to have the same. */
  readonly file: string;
  readonly text: string;
  readonly logLevel: string;
}

/** What a supervisor tells a worker process. */
export type ToWorker =
  | ({ readonly kind: 'run' } & WorkerSettings)
  /** To finish what is under way, put the rest back, and end. */
  | { readonly kind: 'stop' }
  | { readonly kind: 'report' };

/** What a worker process tells its supervisor: that it delivers, or why it cannot begin to, and what it has counted. */
export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  /** All since its start; when it is asked, and at its end. */
  | { readonly kind: 'report'; readonly metrics: readonly Metric[] };

/** How a worker process ended. */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not begin, in a sentence, with its code. */
  readonly failure?: { readonly code: string; readonly message: string };
}

/** A worker in a process of its own. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  /** What it has counted since its start; undefined before its first report. */
  readonly latestReport: readonly Metric[] | undefined;
  /** @returns false if no report came in time, or before the worker's end */
  askReport(limitMs: number): Promise<boolean>;
  /** Resolves when it delivers; never, if it ends before. */
  readonly ready: Promise<void>;
  /** Resolves when it is gone; never rejects. */
  readonly exit: Promise<WorkerExit>;
  /** Asks it to finish what is under way, and to end. */
  stop(): void;
  kill(): void;
}

/**
 * Node's flags for a process that delivers. What is in flight outlives a young generation of the default size and
 * is copied for it; and the collector's own threads take processor time from Redis and the worker itself.
 */
export const WORKER_FLAGS: readonly string[] = ['--max-semi-space-size=32', '--single-threaded-gc'];

/** Starts a worker from its compiled entry. `onOutput` is given whole lines of its log. */
export function startWorkerProcess(
  entry: string,
  settings: WorkerSettings,
  onOutput: (lines: string) => void,
): WorkerProcess {
  const child = fork(entry, [], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], execArgv: [...WORKER_FLAGS] });
  forwardLines(child, onOutput);
  const tell = (message: ToWorker): void => {
    // A channel that is closed belongs to a process that is about to be gone.
    if (child.connected) child.send(message, () => {});
  };
  tell({ kind: 'run', ...settings });
  const reports = reportsOf(child, tell);
  return {
    pid: child.pid,
    get latestReport() {
      return reports.latestReport;
    },
    askReport: reports.askReport,
    ready: new Promise((resolve) => {
      child.on('message', (message: FromWorker) => {
        if (message.kind === 'ready') resolve();
      });
    }),
    exit: exitOf(child),
    stop: () => tell({ kind: 'stop' }),
    kill: () => child.kill('SIGKILL'),
  };
}

function exitOf(child: ChildProcess): Promise<WorkerExit> {
  return new Promise((resolve) => {
    let failure: WorkerExit['failure'];
    child.on('message', (message: FromWorker) => {
      if (message.kind === 'failed') failure = { code: message.code, message: message.message };
    });
    const end = (code: number | null, signal: NodeJS.Signals | null): void =>
      resolve({ code, signal, ...(failure === undefined ? {} : { failure }) });
    // `close`, not `exit`: its last lines have been read by then.
    child.once('close', end);
    child.on('error', () => end(child.exitCode, child.signalCode));
  });
}

/** Lines of several processes share one output: each is written whole. */
function forwardLines(child: ChildProcess, onOutput: (lines: string) => void): void {
  let rest = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const end = text.lastIndexOf('\n') + 1;
    if (end === 0) rest += text;
    else {
      onOutput(rest + text.slice(0, end));
      rest = text.slice(end);
    }
  });
  child.stdout?.on('end', () => {
    if (rest !== '') onOutput(`${rest}\n`);
  });
}

/** Asks a worker for reports, one at a time: one that stands still is not sent more than it can read. */
function reportsOf(
  child: ChildProcess,
  tell: (message: ToWorker) => void,
): Pick<WorkerProcess, 'latestReport' | 'askReport'> {
  let latest: readonly Metric[] | undefined;
  let asked: Promise<boolean> | undefined;
  let answer = (_hasCome: boolean): void => {};
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
      if (asked === undefined) {
        asked = new Promise<boolean>((resolve) => {
          answer = resolve;
        }).finally(() => {
          asked = undefined;
        });
        tell({ kind: 'report' });
      }
      return (await atMost(limitMs, asked)) ?? false;
    },
  };
}
