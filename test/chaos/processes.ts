import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The built command line, beside which this file is compiled. */
const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** A `waybill` process that runs. */
export interface WaybillProcess {
  readonly pid: number;
  /** stdout so far; empty where it goes to a file. */
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves when it and its workers have ended and all their output was read. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** The processes that deliver for it and were not lost, as its log tells. */
  workers(): number[];
  /** Signals the process alone. */
  signal(signal: NodeJS.Signals): void;
  /** Signals the process and its workers. */
  signalAll(signal: NodeJS.Signals): void;
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
      for (const one of left) one.signalAll('SIGKILL');
      await Promise.all(left.map((one) => one.ended));
    },
  };
}

function startWaybill(place: Place, args: readonly string[], logFile?: string): WaybillProcess {
  const child = spawn(process.execPath, [MAIN, ...args, '--config', place.configFile], {
    cwd: place.directory,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
    // A terminal's Ctrl-C is for the run, which then ends its processes itself: each with all that it started.
    detached: true,
  });
  let stdout = '';
  let stderr = '';
  const workers = new Set<number>();
  if (logFile === undefined) {
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  } else {
    const log = createWriteStream(logFile, { flags: 'a' });
    child.stdout.pipe(log, { end: false });
    createInterface({ input: child.stdout }).on('line', (line) => noteWorker(line, workers));
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
    workers: () => [...workers],
    signal: (signal) => void child.kill(signal),
    signalAll: (signal) => signalGroup(child, signal),
    async write(text) {
      if (child.stdin.write(text)) return;
      // One that is killed just then takes nothing more: the wait for it fails, or its end comes first.
      await Promise.race([once(child.stdin, 'drain'), once(child, 'close')]).catch(() => {});
    },
    endInput: () => void child.stdin.end(),
  };
}

function noteWorker(line: string, workers: Set<number>): void {
  if (!/"msg":"(delivering|worker lost)"/.test(line)) return;
  const { msg, pid, workerPid } = JSON.parse(line) as { msg: string; pid: number; workerPid?: number };
  if (msg === 'delivering') workers.add(pid);
  else workers.delete(workerPid ?? 0);
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // They are all gone.
  }
}

async function endOf(child: ChildProcess) {
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal };
}
