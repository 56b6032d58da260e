import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';
import { onTestFinished } from 'vitest';
import type { LineMatch, LogLine } from './log-lines.ts';
import { captureLogLines } from './log-lines.ts';

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A node process of the test's own. */
export interface NodeProcess {
  readonly pid: number;
  /** Lines of stdout so far, parsed where they are JSON objects. */
  readonly lines: readonly LogLine[];
  /** stdout and stderr as they came. */
  readonly stdout: string;
  readonly stderr: string;
  /** The end of the process, with all its output read. */
  readonly exit: Promise<Exit>;
  /** The first matching line of stdout; rejects when the process ends without it. */
  waitForLine(match: LineMatch, options?: { readonly timeoutMs?: number }): Promise<LogLine>;
  /** As `waitForLine`, on stderr. */
  waitForErrorLine(match: LineMatch, options?: { readonly timeoutMs?: number }): Promise<LogLine>;
  /** Signals the process alone; those that it started go on. */
  signal(signal: NodeJS.Signals): void;
  /** Signals the process and all that it started, as a terminal does. */
  signalAll(signal: NodeJS.Signals): void;
  /** Writes to stdin and leaves it open. */
  write(text: string): void;
  /** Writes to stdin and closes it. */
  input(text: string): void;
}

/** What a process is started with. */
export interface NodeProcessOptions {
  readonly cwd?: string;
  /** Added to the environment of the tests; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How many files and sockets it may have open, as `ulimit -n` sets it; default: as the tests. */
  readonly openFiles?: number;
}

/** Whether a process is there; one that has ended and was not waited for yet counts. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Starts node on a script. Whatever happens, the process and those it started are gone when the test is over. */
export function startNode(args: readonly string[], options: NodeProcessOptions = {}): NodeProcess {
  const { openFiles } = options;
  const limit = openFiles === undefined ? [] : ['sh', '-c', `ulimit -n ${openFiles}; exec "$@"`, 'sh'];
  const [command = '', ...rest] = [...limit, process.execPath, ...args];
  const child = spawn(command, rest, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    // The leader of a group: what it starts can be signalled with it, and outlives no test.
    detached: true,
  });
  // A process that has ended takes no input: its exit code says more than a broken pipe.
  child.stdin.on('error', () => {});
  const out = collect(child.stdout, 'stdout');
  const err = collect(child.stderr, 'stderr');
  const exit = exitOf(child, (ended) => {
    const why = `the process ended with ${ended.code ?? ended.signal}; stderr:\n${err.text()}`;
    out.lines.fail(new Error(why));
    err.lines.fail(new Error(why));
  });
  let ended = false;
  void exit.finally(() => {
    ended = true;
  });
  const signalAll = (signal: NodeJS.Signals): void => {
    // Its output is closed when the last of them is gone: the number may belong to others by now.
    if (ended || child.pid === undefined) return;
    try {
      process.kill(-child.pid, signal);
    } catch {
      // They are all gone, and their end is about to be noticed.
    }
  };
  onTestFinished(async () => {
    signalAll('SIGKILL');
    await exit;
  });
  return {
    pid: child.pid ?? 0,
    lines: out.lines.lines,
    get stdout() {
      return out.text();
    },
    get stderr() {
      return err.text();
    },
    exit,
    waitForLine: out.lines.waitForLine,
    waitForErrorLine: err.lines.waitForLine,
    signal: (signal) => void child.kill(signal),
    signalAll,
    write: (text) => void child.stdin.write(text),
    input: (text) => void child.stdin.end(text),
  };
}

function exitOf(child: ChildProcess, onExit: (exit: Exit) => void): Promise<Exit> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      onExit({ code, signal });
      resolve({ code, signal });
    });
  });
}

function collect(stream: NodeJS.ReadableStream, name: string) {
  const decoder = new StringDecoder('utf8');
  const lines = captureLogLines(name);
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    const decoded = decoder.write(chunk);
    text += decoded;
    lines.stream.write(decoded);
  });
  return { lines, text: () => text };
}
