const LOOK_AGAIN_MS = 10;
const GIVE_UP_MS = 10_000;

/** Waits for a state of Redis that nothing announces: looks again and again, for ten seconds at most. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + GIVE_UP_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${GIVE_UP_MS} ms in vain for ${String(holds)}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}
