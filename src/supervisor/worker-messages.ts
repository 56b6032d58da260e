import type { Metric } from '../core/metric.ts';

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
  /** The first message. */
  | ({ readonly kind: 'run' } & WorkerSettings)
  /** To finish what is under way, put the rest back, and end. */
  | { readonly kind: 'stop' }
  /** To tell what it has counted. */
  | { readonly kind: 'report' };

/** What a worker process tells its supervisor: that it delivers, or why it cannot begin to, and what it has counted. */
export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  /** All since its start; when it is asked, and at its end. */
  | { readonly kind: 'report'; readonly metrics: readonly Metric[] };
