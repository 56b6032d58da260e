/** Errors with which Redis says that it cannot be written just now; by the first word of the reason. */
const NOT_WRITABLE = new Set(
  'READONLY LOADING OOM MASTERDOWN CLUSTERDOWN TRYAGAIN MISCONF BUSY NOREPLICAS'.split(' '),
);
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2_000;

/** Redis before 7 puts what a command within a script was refused with behind where in which script. */
const WITHIN_SCRIPT =
  /^(?:ERR Error running script \(call to f_[0-9a-f]{40}\): )?(?:@user_script: ?\d+: )*-?/;
/** How a Cluster's client begins that gave up asking again and again. */
const GIVEN_UP = /^Too many Cluster redirections\. Last error: ReplyError: /;
/** Redis 7 puts it behind the reason. */
const IN_SCRIPT = / script: [0-9a-f]{40}, on @user_script:\d+\.$/;

/** What Redis refused a command with, without where in which script that was. */
export function reasonOf(error: Error): string {
  return error.message.replace(GIVEN_UP, '').replace(WITHIN_SCRIPT, '').replace(IN_SCRIPT, '').trim();
}

/** Tells whether an error is Redis saying that it cannot be written for the moment. */
export function isNotWritable(error: unknown): boolean {
  return error instanceof Error && NOT_WRITABLE.has(reasonOf(error).split(' ', 1)[0] ?? '');
}

/**
 * Runs a Redis operation again and again while Redis cannot be written, with growing waits, until `closed`.
 * Without it a worker spins on such errors and sends again what it could not settle.
 *
 * @throws whatever else the operation throws
 */
export async function untilWritable<Result>(
  operation: () => Promise<Result>,
  closed: () => boolean,
  onWait: (error: Error) => void,
): Promise<Result> {
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    try {
      return await operation();
    } catch (error) {
      if (!isNotWritable(error) || closed()) throw error;
      onWait(error as Error);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}
