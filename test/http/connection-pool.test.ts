import type { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { AttemptResult } from '../../src/core/attempt-result.ts';
import { AfterPoll, type Sender } from '../../src/http/after-poll.ts';
import type { Connection, ConnectionUser } from '../../src/http/connection.ts';
import { ConnectionPool } from '../../src/http/connection-pool.ts';
import { createConnector } from '../../src/http/connector.ts';
import { Exchange } from '../../src/http/exchange.ts';
import { UnderWay } from '../../src/http/under-way.ts';
import { writeRequest } from '../../src/http/write-request.ts';
import { opened, serve } from './http-fixture.ts';
import { type Received, respond, type ScriptedServer } from './scripted-server.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** A promise, and what resolves it. */
function told<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

const BYTES = writeRequest({ method: 'POST', path: '/', host: 'acme.example', headers: [], body: '{}' });

/** The connections to a server, at most `limit`, and the sockets that they stand on. */
function poolTo({ port }: ScriptedServer, limit: number): { pool: ConnectionPool; sockets: Socket[] } {
  const connect = createConnector({ allowPrivateNetwork: true });
  const sockets: Socket[] = [];
  const origin = { secure: false, hostname: '127.0.0.1', port };
  const pool = new ConnectionPool(origin, limit, (...args) => {
    const socket = connect(...args);
    sockets.push(socket);
    return socket;
  });
  opened.push(pool);
  return { pool, sockets };
}

/** Sends a request; returns who it was, when the connection is taken back. */
function carry(pool: ConnectionPool): Promise<WeakRef<ConnectionUser>> {
  return new Promise((resolve) => {
    let connection: Connection | undefined;
    const begin = (lent: Connection): void => {
      connection = lent;
      lent.write(BYTES);
    };
    const onEnd = (now: number): void => {
      pool.release(connection as Connection, now);
      resolve(carried);
    };
    const one = user({ begin, onEnd });
    const carried = new WeakRef(one);
    pool.acquire(one);
  });
}

/** A user of connections that writes its request at once, and does nothing else but what is given here. */
function user(does: Partial<ConnectionUser>): ConnectionUser {
  const nothing = (): void => {};
  const begin = (connection: Connection): void => connection.write(BYTES);
  const all = { begin, onHead: nothing, onBody: nothing, onEnd: nothing, onGone: nothing, abort: nothing };
  return { done: false, ...all, ...does };
}

test.each([
  ['whose sockets are whole', undefined],
  // Its listeners are told of the error in a later tick.
  ['whose socket ends with an error at that moment', new Error('the wire is cut')],
])('a pool %s is closed when they are', async (_name, error) => {
  const arrived = told<void>();
  const server = await serve(() => arrived.resolve());
  const { pool, sockets } = poolTo(server, 1);
  pool.acquire(user({}));
  await arrived.promise;
  const [socket] = sockets as [Socket];
  let closed = false;
  socket.once('close', () => {
    closed = true;
  });
  if (error !== undefined) socket.destroy(error);
  await pool.close();
  expect(closed).toBe(true);
});

test('who waited for a connection has it looked at first, however soon the answers follow each other', async () => {
  const server = await serve((received) => respond(received, 200));
  const { pool } = poolTo(server, 1);
  const lent = told<boolean>();
  let first: Connection | undefined;
  const begin = (connection: Connection): void => {
    first = connection;
    connection.write(BYTES);
  };
  const onEnd = (now: number): void => {
    const connection = first as Connection;
    // As it is where the answer before was read a moment ago.
    connection.answeredAt = now;
    pool.release(connection, now);
  };
  pool.acquire(user({ begin, onEnd }));
  pool.acquire(user({ begin: (connection) => lent.resolve(connection.hasJustAnswered(performance.now())) }));
  expect(await lent.promise).toBe(false);
});

test('a request that is told to go out again on a new connection goes out once there', async () => {
  const senders: Sender[] = [];
  class HeldBack extends AfterPoll {
    override add(sender: Sender): void {
      senders.push(sender);
    }
  }
  const second = told<Received>();
  const server = await serve((received) => {
    if (received.number === 1) respond(received, 200);
    else if (received.number === 2) second.resolve(received);
  });
  const { pool } = poolTo(server, 1);
  const common = { pool, where: 'acme.example:80', bytes: BYTES, timeoutMs: 60_000 };
  const parts = { signal: undefined, keepBodyBytes: undefined, underWay: new UnderWay() };
  const post = (): Promise<AttemptResult> =>
    new Promise((resolve) => {
      new Exchange({ ...common, ...parts, afterPoll: new HeldBack() }, resolve).start();
    });
  expect(await post()).toMatchObject({ status: 200 });
  const answeredAt = performance.now();
  // Right behind an answer nothing is waited for.
  while (performance.now() < answeredAt + 1) await new Promise(setImmediate);
  const posted = post();
  expect(senders).toHaveLength(1);
  server.sockets[0]?.destroy();
  const received = await second.promise;
  for (const sender of senders) sender.send();
  respond(received, 201);
  expect(await posted).toMatchObject({ status: 201 });
  await pool.close();
  await server.allClosed();
  expect(server.requests).toHaveLength(2);
});

test('an idle connection holds on to nothing of the request that it carried', async () => {
  const server = await serve((received) => respond(received, 200));
  const { pool } = poolTo(server, 1);
  const carried = await carry(pool);
  // What was looked at through it is kept until the present turn is over.
  await new Promise(setImmediate);
  collectGarbage();
  expect(carried.deref()).toBeUndefined();
  expect(server.sockets[0]?.closed).toBe(false);
});

test('a connection keeps the process alive while it carries a request, also after it was idle', async () => {
  const server = await serve((received) => respond(received, 200));
  const { pool, sockets } = poolTo(server, 1);
  await carry(pool);
  const [socket] = sockets as [Socket];
  const calls: string[] = [];
  await new Promise<void>((resolve) => {
    socket.unref = () => {
      calls.push('unref');
      resolve();
      return socket;
    };
    socket.ref = () => {
      calls.push('ref');
      return socket;
    };
  });
  await carry(pool);
  expect(calls).toEqual(['unref', 'ref']);
  expect(server.sockets).toHaveLength(1);
});
