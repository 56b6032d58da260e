/** What a supervisor tells a worker process. */
export type ToWorker =
  /** The first message: the configuration as text, taken to stand in `file`, so that all workers have the same. */
  | { readonly kind: 'run'; readonly file: string; readonly text: string; readonly logLevel: string }
  /** To finish what is under way, put the rest back, and end. */
  | { readonly kind: 'stop' };

/** What a worker process tells its supervisor: that it delivers, or why it cannot begin to. */
export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };
