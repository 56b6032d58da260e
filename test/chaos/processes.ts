import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The built command line, beside which this file is compiled. */
const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** A `waybill` process that runs. */
export interface WaybillProcess {
  readonly pid: number;
  /** stdout so far; empty where it goes to a file. */
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves when it has ended and all its output was read. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  signal(signal: NodeJS.Signals): void;
  /** Writes to stdin; resolves when there is room for more, or nobody reads any more. */
  write(text: string): Promise<void>;
  endInput(): void;
}

/** Where the processes of a run find their configuration. */
export interface Place {
  readonly configFile: string;
  readonly directory: string;
}

/** Starts the processes of a run, and ends all that are left. */
export interface Launcher {
  /** Starts the built `waybill`; `logFile`: where its stdout and stderr are added to, instead of being kept. */
  start(args: readonly string[], logFile?: string): WaybillProcess;
  killAll(): Promise<void>;
}

/** Builds the launcher of a run. */
export function createLauncher(place: Place): Launcher {
  const running = new Set<WaybillProcess>();
  return {
    start(args, logFile) {
      const started = startWaybill(place, args, logFile);
      running.add(started);
      void started.ended.then(() => running.delete(started));
      return started;
    },
    async killAll() {
      const left = [...running];
      for (const one of left) one.signal('SIGKILL');
      await Promise.all(left.map((one) => one.ended));
    },
  };
}

function startWaybill(place: Place, args: readonly string[], logFile?: string): WaybillProcess {
  const child = spawn(process.execPath, [MAIN, ...args, '--config', place.configFile], {
    cwd: place.directory,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
    // A terminal's Ctrl-C is for the run, which then ends its processes itself.
    detached: true,
  });
  let stdout = '';
  let stderr = '';
  if (logFile === undefined) {
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  } else {
    const log = createWriteStream(logFile, { flags: 'a' });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    child.once('close', () => log.end());
  }
  // One that was killed takes no input.
  child.stdin.on('error', () => {});
  return {
    pid: child.pid ?? 0,
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
    ended: endOf(child),
    signal: (signal) => void child.kill(signal),
    async write(text) {
      if (!child.stdin.write(text)) await Promise.race([once(child.stdin, 'drain'), once(child, 'close')]);
    },
    endInput: () => void child.stdin.end(),
  };
}

async function endOf(child: ChildProcess) {
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal };
}
