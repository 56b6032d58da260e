const LOOK_AGAIN_MS = 10;
const GIVE_UP_MS = 60_000;

/** Waits for a state of Redis that nothing announces: looks again and again, for a minute unless told otherwise. */
export async function until(holds: () => Promise<boolean>, giveUpMs = GIVE_UP_MS): Promise<void> {
  const deadline = performance.now() + giveUpMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${giveUpMs} ms in vain for ${String(holds)}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}
