import { type ChildProcess, fork } from 'node:child_process';
import type { CertificateFacts } from '../config/certificates.ts';
import type { EndpointDurations } from '../core/delivery-meter.ts';
import type { Metric } from '../core/metric.ts';
import { atMost } from '../core/time.ts';

/** What a worker is started with. */
export interface WorkerSettings {
  /** Its number among the workers, which stands in the lines of its log. */
  readonly worker: number;
  /** The configuration file's path, and its text: all workers are to have the same. */
  readonly file: string;
  readonly text: string;
  /** The contents of the TLS files by their paths, which may be broken on disk by now. */
  readonly tlsContents: readonly TlsContent[];
  readonly logLevel: string;
}

/** The path of a TLS file, and what it holds. */
export type TlsContent = readonly [file: string, text: string];

/** What a supervisor tells a worker process. */
export type ToWorker =
  | ({ readonly kind: 'run' } & WorkerSettings)
  /** To finish what is under way, put the rest back, and end. */
  | { readonly kind: 'stop' }
  | { readonly kind: 'report' }
  /** What some TLS files hold from now on. */
  | { readonly kind: 'tls'; readonly contents: readonly TlsContent[] };

/** What a worker process tells its supervisor: that it delivers, or why it cannot begin to, what it has counted, and seen. */
export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  /** All since its start; when it is asked, and at its end. */
  | { readonly kind: 'report'; readonly metrics: readonly Metric[] }
  | ({ readonly kind: 'peer' } & PeerCertificates)
  /** How long attempts took since it said so last. */
  | { readonly kind: 'durations'; readonly durations: readonly EndpointDurations[] };

/** Who is told what a worker has seen. */
export interface WorkerNews {
  peer?(shown: PeerCertificates): void;
  durations?(durations: readonly EndpointDurations[]): void;
}

/** The certificates that a client's server, as host:port, has shown, its own first. */
export interface PeerCertificates {
  readonly client: string;
  readonly peer: string;
  readonly chain: readonly CertificateFacts[];
}

/** How a worker process ended. */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not begin, in a sentence, with its code. */
  readonly failure?: { readonly code: string; readonly message: string };
}

/**
 * Node's flags for a process that delivers. What is in flight outlives a young generation of the default size and
 * is copied for it; and the collector's own threads take processor time from Redis and the worker itself.
 */
export const WORKER_FLAGS: readonly string[] = ['--max-semi-space-size=32', '--single-threaded-gc'];

/** A worker in a process of its own. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  #latestReport: readonly Metric[] | undefined;
  #asked: Promise<boolean> | undefined;
  #answer = (_hasCome: boolean): void => {};
  /** Resolves when it delivers; never, if it ends before. */
  readonly ready: Promise<void>;
  /** Resolves when it is gone; never rejects. */
  readonly exit: Promise<WorkerExit>;

  /** Starts it from its compiled entry. `onOutput` is given whole lines of its log. */
  constructor(
    entry: string,
    settings: WorkerSettings,
    onOutput: (lines: string) => void,
    news: WorkerNews = {},
  ) {
    const execArgv = [...WORKER_FLAGS];
    this.#child = fork(entry, [], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], execArgv });
    forwardLines(this.#child, onOutput);
    this.#tell({ kind: 'run', ...settings });
    let failure: WorkerExit['failure'];
    this.ready = new Promise((resolve) => {
      this.#child.on('message', (message: FromWorker) => {
        if (message.kind === 'ready') resolve();
        else if (message.kind === 'failed') failure = { code: message.code, message: message.message };
        else if (message.kind === 'peer') news.peer?.(message);
        else if (message.kind === 'durations') news.durations?.(message.durations);
        else {
          this.#latestReport = message.metrics;
          this.#answer(true);
        }
      });
    });
    this.exit = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null): void =>
        resolve({ code, signal, ...(failure === undefined ? {} : { failure }) });
      // `close`, not `exit`: its last lines have been read by then.
      this.#child.once('close', end);
      this.#child.on('error', () => end(this.#child.exitCode, this.#child.signalCode));
    });
    this.#child.on('disconnect', () => this.#answer(false));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** What it has counted since its start; undefined before its first report. */
  get latestReport(): readonly Metric[] | undefined {
    return this.#latestReport;
  }

  /**
   * Asks for a report; for one at a time, since a worker that stands still cannot read.
   *
   * @returns false if no report came in time, or before the worker's end
   */
  async askReport(limitMs: number): Promise<boolean> {
    if (!this.#child.connected) return false;
    if (this.#asked === undefined) {
      this.#asked = new Promise<boolean>((resolve) => {
        this.#answer = resolve;
      }).finally(() => {
        this.#asked = undefined;
      });
      this.#tell({ kind: 'report' });
    }
    return (await atMost(limitMs, this.#asked)) ?? false;
  }

  /** Has it open connections with these contents of TLS files from now on. */
  renewTls(contents: readonly TlsContent[]): void {
    this.#tell({ kind: 'tls', contents });
  }

  /** Asks it to finish what is under way, and to end. */
  stop(): void {
    this.#tell({ kind: 'stop' });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #tell(message: ToWorker): void {
    // A channel that is closed belongs to a process that is about to be gone.
    if (this.#child.connected) this.#child.send(message, () => {});
  }
}

/** Lines of several processes share one output: each is written whole. */
function forwardLines(child: ChildProcess, onOutput: (lines: string) => void): void {
  let rest = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const end = text.lastIndexOf('\n') + 1;
    if (end > 0) onOutput(rest + text.slice(0, end));
    rest = end > 0 ? text.slice(end) : rest + text;
  });
  child.stdout?.on('end', () => {
    if (rest !== '') onOutput(`${rest}\n`);
  });
}
