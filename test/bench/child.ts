import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What a child can be asked: a function by name, with one argument. */
type Commands = Record<string, (argument: never) => Promise<unknown>>;

interface Request {
  readonly number: number;
  readonly command: string;
  readonly argument?: unknown;
}

interface Reply {
  readonly number: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** A process of the benchmark. It ends with the process that started it. */
export interface Child<Known extends Commands> {
  /** Has the child run a command. @throws what the command threw, or that the child is gone */
  ask<Name extends keyof Known & string>(
    command: Name,
    argument: Parameters<Known[Name]>[0],
  ): Promise<Awaited<ReturnType<Known[Name]>>>;
  /** Rejects when the child ends before it was closed. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

/** How a child is started. */
export interface ChildOptions {
  readonly args?: readonly string[];
  /** Node's own. */
  readonly flags?: readonly string[];
  /** A file descriptor; default: thrown away. */
  readonly stdout?: number | 'ignore';
}

/** Starts a child from a compiled file beside this one. */
export function startChild<Known extends Commands>(
  file: string,
  { args = [], flags = [], stdout = 'ignore' }: ChildOptions = {},
): Child<Known> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = fork(path, [...args], { stdio: ['ignore', stdout, 'inherit', 'ipc'], execArgv: [...flags] });
  const open = new Map<number, (reply: Reply) => void>();
  const label = args[0] ?? file;
  let asked = 0;
  let closing = false;

  child.on('message', (reply: Reply) => {
    open.get(reply.number)?.(reply);
    open.delete(reply.number);
  });
  const failed = once(child, 'exit').then(([code, signal]): Promise<never> => {
    if (closing) return new Promise(() => {});
    throw new Error(`the process of ${label} ended (${code ?? signal})`);
  });
  failed.catch(() => {}); // whoever asks next gets to know
  child.on('error', () => {}); // of its channel: the end that follows says more

  return {
    failed,
    ask(command, argument) {
      asked += 1;
      const number = asked;
      const answer = new Promise<never>((resolve, reject) => {
        open.set(number, ({ value, error }) => {
          if (error === undefined) resolve(value as never);
          else reject(new Error(`${label}: ${command}: ${error}`));
        });
        child.send({ number, command, argument } satisfies Request, (error) => {
          if (error !== null) reject(error);
        });
      });
      return Promise.race([answer, failed]);
    },
    async close() {
      closing = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
    },
  };
}

/** The other side: runs in the child, and answers what its parent asks until that is gone. */
export function serve<Known extends Commands>(commands: Known): void {
  const reply = (message: Reply): void => void process.send?.(message);
  process.on('message', async ({ number, command, argument }: Request) => {
    try {
      reply({ number, value: await commands[command]?.(argument as never) });
    } catch (error) {
      reply({ number, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.on('disconnect', () => process.exit());
  // A terminal's Ctrl-C goes to all processes at once; this one ends with its parent.
  process.on('SIGINT', () => {});
}
