import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import type { Exit, NodeProcess } from './node-process.ts';
import { startNode } from './node-process.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

/** How `waybill` is started. */
export interface WaybillOptions {
  /** Becomes `waybill.yaml` in a directory of its own, and `--config`; text goes in as it is. */
  readonly config?: string | Readonly<Record<string, unknown>>;
  /** Where the configuration file goes; left out: a directory that is removed when the test is over. */
  readonly directory?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A running `waybill`, with the directory that it runs in. */
export interface WaybillProcess extends NodeProcess {
  readonly directory: string;
}

/** A directory that is removed when the test is over. */
export function testDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'waybill-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Starts the built `waybill` with these arguments. The process is gone when the test is over. */
export function startWaybill(args: readonly string[], options: WaybillOptions = {}): WaybillProcess {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: run npm run build`);
  const directory = options.directory ?? testDirectory();
  const withConfig = [...args];
  if (options.config !== undefined) {
    const file = join(directory, 'waybill.yaml');
    writeFileSync(file, typeof options.config === 'string' ? options.config : stringify(options.config));
    withConfig.push('--config', file);
  }
  const env = { NO_COLOR: '1', ...options.env };
  const started = startNode([MAIN, ...withConfig], { cwd: directory, env });
  // The getters of the process have to stay getters: its output grows.
  return Object.defineProperties({ directory }, Object.getOwnPropertyDescriptors(started)) as WaybillProcess;
}

/** Runs a `waybill` command to its end. */
export async function runWaybill(
  args: readonly string[],
  options: WaybillOptions & { readonly input?: string } = {},
): Promise<Exit & { readonly stdout: string; readonly stderr: string }> {
  const started = startWaybill(args, options);
  started.input(options.input ?? '');
  const exit = await started.exit;
  return { ...exit, stdout: started.stdout, stderr: started.stderr };
}

/** The processes that deliver for a running `start`, as its log tells; those that are gone by now as well. */
export function workerPidsOf({ lines }: Pick<NodeProcess, 'lines'>): number[] {
  return lines.flatMap(({ msg, pid }) => (msg === 'delivering' ? [Number(pid)] : []));
}
