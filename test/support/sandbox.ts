import { onTestFinished } from 'vitest';
import type { Sandbox, SandboxOptions } from '../../src/sandbox/sandbox.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';

/** A sandbox that is closed, with all its companies and connections, when the test is over. */
export function testSandbox(options?: SandboxOptions): Sandbox {
  const sandbox = startSandbox(options);
  onTestFinished(() => sandbox.close());
  return sandbox;
}
