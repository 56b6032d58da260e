import { type ChildProcess, fork } from 'node:child_process';
import type { FromWorker, ToWorker, WorkerSettings } from './worker-messages.ts';
import { reportsOf, type WorkerReports } from './worker-reports.ts';

/** How a worker process ended. */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not begin, in a sentence, with its code. */
  readonly failure?: { readonly code: string; readonly message: string };
}

/** A worker in a process of its own. */
export interface WorkerProcess extends WorkerReports {
  readonly pid: number | undefined;
  /** Resolves when it delivers; never, if it ends before. */
  readonly ready: Promise<void>;
  /** Resolves when it is gone; never rejects. */
  readonly exit: Promise<WorkerExit>;
  /** Asks it to finish what is under way, and to end. */
  stop(): void;
  /** Ends it at once. */
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
