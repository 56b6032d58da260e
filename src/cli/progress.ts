import { SingleBar } from 'cli-progress';

const SHOW_AFTER_MS = 1_000;

/**
 * Shows a progress bar on stderr while `work` runs, if that is a terminal and the work takes more than a second.
 *
 * @param total what there is to do; undefined: not known, then only the count is shown
 * @param work calls `update` with what is done so far
 */
export async function withProgress<Value>(
  verb: string,
  total: number | undefined,
  work: (update: (done: number) => void) => Promise<Value>,
): Promise<Value> {
  if (process.stderr.isTTY !== true) return work(() => {});
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
  const timer = setTimeout(() => bar.start(total ?? 0, value), SHOW_AFTER_MS);
  try {
    return await work((done) => {
      value = done;
      if (bar.isActive) bar.update(done);
    });
  } finally {
    clearTimeout(timer);
    if (bar.isActive) bar.stop();
  }
}
