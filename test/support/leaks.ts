import { beforeEach } from 'vitest';

/**
 * Kinds of things that node keeps open, as `process.getActiveResourcesInfo()` names them. Timers are not
 * among them: the test runner has some of its own that come and go.
 */
const WATCHED: ReadonlySet<string> = new Set([
  'ChildProcess',
  'FSEvent',
  'PipeConnectWrap',
  'PipeServerWrap',
  'PipeWrap',
  'ProcessWrap',
  'TCPConnectWrap',
  'TCPServerWrap',
  'TCPSocketWrap',
  'TLSWrap',
  'UDPWrap',
  'Worker',
]);

/** Closing takes some turns of the event loop, and the other end of a connection learns of it later still. */
const GRACE_MS = 10_000;
const LOOK_AGAIN_MS = 5;

/**
 * Fails each test of the file that leaves a socket, server or child process open. Call it at the top of the
 * file: its check is then the last thing after a test, behind everything that `afterEach` and
 * `onTestFinished` put away.
 */
export function failOnLeaks(): void {
  beforeEach(({ onTestFinished }) => {
    const before = openResources();
    onTestFinished(() => expectNoMoreThan(before));
  });
}

/** Waits until no more is open than there was; rejects after `graceMs`, naming what is left. */
export async function expectNoMoreThan(
  before: ReadonlyMap<string, number>,
  graceMs: number = GRACE_MS,
): Promise<void> {
  const deadline = performance.now() + graceMs;
  for (;;) {
    const left = surplus(openResources(), before);
    if (left.length === 0) return;
    if (performance.now() > deadline) throw new Error(`the test left open: ${left.join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

/** How many of each watched kind are open in this process. */
export function openResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    if (WATCHED.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

function surplus(now: ReadonlyMap<string, number>, before: ReadonlyMap<string, number>): string[] {
  return [...now]
    .map(([kind, count]) => ({ kind, more: count - (before.get(kind) ?? 0) }))
    .filter(({ more }) => more > 0)
    .map(({ kind, more }) => `${more} ${kind}`);
}
