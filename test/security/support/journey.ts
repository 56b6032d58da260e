import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { loadConfig } from '../../../src/config/load-config.ts';
import { createProducer } from '../../../src/service/producer.ts';
import { numberedEvents } from '../../support/events.ts';
import type { LogLine } from '../../support/log-lines.ts';
import type { NodeProcess } from '../../support/node-process.ts';
import { runWaybill } from '../../support/waybill-process.ts';

/** Where a journey happens, and all that came out on the way. */
export interface Journey {
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  readonly output: string[];
}

const PATIENCE = { timeoutMs: 40_000 };

/** A port that leads to a unix socket, since only a URL can hold a password. */
export async function portTo(socketPath: string): Promise<number> {
  const server = createServer((near) => {
    const far = connect(socketPath);
    near.on('error', () => far.destroy()).on('close', () => far.destroy());
    far.on('error', () => near.destroy()).on('close', () => near.destroy());
    near.pipe(far).pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as { port: number }).port;
}

/** Runs a command to its end and keeps what it said. */
export async function run({ directory, env, output }: Journey, config: string, ...args: string[]) {
  const ran = await runWaybill([...args, '--config', config], { directory, env, input: '' });
  output.push(ran.stdout, ran.stderr);
  return ran;
}

/** Submits one event to each of these clients. */
export async function submitToEach({ env }: Journey, file: string, clients: Iterable<string>): Promise<void> {
  const producer = await createProducer(loadConfig(file, env));
  const type = 'disposition_update';
  for (const [index, client] of [...clients].entries()) {
    const results = await producer.submitMany(client, type, numberedEvents(type, 1, index));
    expect(results).toMatchObject([{ outcome: 'accepted' }]);
  }
  await producer.close();
}

/** Waits until a process has logged so many dead letters. */
export async function waitForDeadLetters(service: NodeProcess, count: number): Promise<void> {
  const isDead = (line: LogLine): boolean => line['msg'] === 'dead letter';
  await service.waitForLine(() => service.lines.filter(isDead).length === count, PATIENCE);
}

/** Waits for a line of a process's log, on a slow machine too. */
export async function waitForLine(service: NodeProcess, message: string): Promise<void> {
  await service.waitForLine(message, PATIENCE);
}

/**
 * What makes a process end, once it gets SIGUSR2, by an error as ioredis makes them: with the failed command
 * in it, and in its argument the secret from this environment variable.
 */
export function crashOnSignal(directory: string, variable: string): Record<string, string> {
  const file = join(directory, 'crash.mjs');
  writeFileSync(
    file,
    `process.on('SIGUSR2', () => {
      const command = { name: 'auth', args: [process.env.${variable}] };
      const cause = Object.assign(new Error('WRONGPASS'), { command });
      throw Object.assign(new Error('crash', { cause }), { command });
    });`,
  );
  return { NODE_OPTIONS: `--import=${file}` };
}
