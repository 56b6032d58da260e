import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { connect, createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { until } from './until.ts';

/** Debian keeps servers out of the PATH of ordinary users. */
const PLACES = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];

function find(command: string): string | undefined {
  return PLACES.map((place) => join(place, command)).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Why a server that others wrote cannot be tested against here, which is printed as well; undefined: it is installed.
 * On CI a missing one is a failure.
 */
export function whyNoServer(command: string): string | undefined {
  if (find(command) !== undefined) return undefined;
  const reason = `${command} is not installed ("npm run setup -- --tests" installs it)`;
  if (process.env.CI) throw new Error(reason);
  process.stderr.write(`skipped: the tests against ${command}: ${reason}\n`);
  return reason;
}

/** A server that others wrote. */
export interface ForeignServer {
  readonly port: number;
  /** stdout and stderr so far. */
  readonly output: string;
  /** Ends it, if it has not ended. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/**
 * Starts a server on a free port of 127.0.0.1 and waits until it takes connections; it is gone when the test is over.
 *
 * @param argsFor its arguments for a port; it must stay in the foreground
 */
export async function startForeignServer(
  command: string,
  argsFor: (port: number) => readonly string[],
): Promise<ForeignServer> {
  const port = await freePort();
  const child = spawn(find(command) ?? command, argsFor(port), { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  const note = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout.on('data', note);
  child.stderr.on('data', note);
  const ended = once(child, 'close');
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const kill = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    if (!isOver()) child.kill(signal);
    await ended;
  };
  onTestFinished(() => kill('SIGKILL'));
  await until(async () => {
    if (isOver()) throw new Error(`${command} ended: ${output}`);
    return takesConnections(port);
  });
  return {
    port,
    kill,
    get output() {
      return output;
    },
  };
}

/** A port of 127.0.0.1 that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
