import type { DataDirectory } from './data-directory.ts';
import type { Lease } from './lease.ts';
import { isRemoved, rescue } from './rescue.ts';

const LOOK_EVERY_MS = 2_000;
const TELL_EVERY_MS = 60_000;

/** Whom the watch tells. */
export interface DirectoryWatch {
  readonly directory: DataDirectory;
  lease(): Lease;
  /** What the server of this lease holds was saved; the lease is to be taken anew. */
  onRescued(lease: Lease): void;
  /** It could not be saved; once a minute for as long as that lasts. */
  onFailed(error: Error): void;
}

/**
 * Looks every two seconds whether the directory of the running server was removed, and has it saved. Returns
 * what ends the watch.
 */
export function watchDirectory({
  directory,
  lease,
  onRescued,
  onFailed,
}: DirectoryWatch): () => Promise<void> {
  let toldAt = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | undefined;

  async function look(): Promise<void> {
    const present = lease();
    try {
      if (present.isClosed() || !(await isRemoved(directory, present))) return;
      await rescue(directory, present);
      onRescued(present);
    } catch (error) {
      // A server that ends or stands still meanwhile is noticed, and told, where the lease is watched.
      if (present.isClosed() || performance.now() - toldAt < TELL_EVERY_MS) return;
      toldAt = performance.now();
      onFailed(error as Error);
    }
  }

  const timer = setInterval(() => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
  }, LOOK_EVERY_MS);
  // A process that has nothing else to do may end.
  timer.unref();
  return async () => {
    clearInterval(timer);
    await looking;
  };
}
