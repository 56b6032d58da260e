import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { onTestFinished } from 'vitest';
import { ChangeSignal } from '../../src/sandbox/change-signal.ts';
import type { Company } from '../../src/sandbox/company.ts';

/** A TCP connection that shows what came over the wire, byte by byte, and how it ended. */
export interface RawClient {
  readonly socket: Socket;
  /** Everything received so far. */
  text(): string;
  until(condition: (text: string) => boolean): Promise<void>;
  /** `end`: closed in order; an error code: reset. */
  readonly ending: Promise<string>;
}

const WAIT_MS = 60_000;

/** Opens a connection and sends one delivery over it. */
export function rawPost(company: Company): RawClient {
  const socket = connect(company.port, '127.0.0.1');
  const signal = new ChangeSignal();
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    signal.changed();
  });
  socket.write('POST /dispositions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}');
  const ending = new Promise<string>((resolve) => {
    socket.once('end', () => resolve('end'));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  onTestFinished(() => void socket.destroy());
  return {
    socket,
    text: () => text,
    until: (condition) =>
      signal.until(
        () => condition(text),
        WAIT_MS,
        () => `received ${text.slice(0, 500)}`,
      ),
    ending,
  };
}
