import { SingleBar } from 'cli-progress';

/** A progress bar on stderr; nothing where that is no terminal, or the work is done within a second. */
export interface Progress {
  update(done: number): void;
  stop(): void;
}

const SHOW_AFTER_MS = 1_000;

/**
 * Opens a progress bar.
 *
 * @param total what there is to do; undefined: not known, then only the count is shown
 */
export function openProgress(verb: string, total: number | undefined): Progress {
  if (process.stderr.isTTY !== true) return { update: () => {}, stop: () => {} };
  const format =
    total === undefined
      ? `${verb} {value}`
      : `{bar} {percentage}%  {value} of {total} ${verb}  {eta_formatted} left`;
  const bar = new SingleBar({
    format,
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    barsize: 24,
  });
  let value = 0;
  let shown = false;
  const timer = setTimeout(() => {
    bar.start(total ?? 0, value);
    shown = true;
  }, SHOW_AFTER_MS);
  return {
    update(done) {
      value = done;
      if (shown) bar.update(done);
    },
    stop() {
      clearTimeout(timer);
      if (shown) bar.stop();
    },
  };
}
