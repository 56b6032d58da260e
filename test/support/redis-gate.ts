import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { testDirectory } from './waybill-process.ts';

/** On which side of Redis a script stands still: it has not reached Redis, or its answer has not come back. */
export type Side = 'before' | 'after';

/** A way to Redis on which a test can stop a process between two of its steps. */
export interface RedisGate {
  readonly socketPath: string;
  /**
   * Resolves when the nth script from now on (from 1) stands still, of those that `like` fits where it is given;
   * what comes behind it stands too.
   */
  standAt(nth: number, side: Side, like?: RegExp): Promise<void>;
  /** Ends all connections; what stands is lost with them. Who connects again gets through. */
  cut(): void;
  /** Lets all go on. What a process that is gone had not brought to Redis never gets there. */
  release(): void;
}

interface Watch {
  left: number;
  readonly like: RegExp;
  readonly side: Side;
  readonly stands: () => void;
}

/** Tells of each chunk whether it completes what a script is like; a long script comes in several. */
function scriptsOf(): (chunk: Buffer, like: RegExp) => boolean {
  let script: string | undefined;
  return (chunk, like) => {
    const text = chunk.toString('latin1');
    if (/\r\neval(sha)?\r\n/i.test(text)) script = text;
    else script = script === undefined || text.startsWith('*') ? undefined : script + text;
    if (script === undefined || !like.test(script)) return false;
    script = undefined;
    return true;
  };
}

/** Opens a gate in front of the Redis that listens on a unix socket; it is gone when the test is over. */
export async function openRedisGate(redisPath: string): Promise<RedisGate> {
  const socketPath = join(testDirectory(), 'gate.sock');
  const sockets = new Set<Socket>();
  let watch: Watch | undefined;
  let standing: (() => void)[] = [];

  /** Forwards what comes; the script that is watched for makes one direction stand. */
  function connectThrough(from: Socket, to: Socket): void {
    // What stands is read all the same: only so is it noticed that a process is gone.
    const toRedis = valve(to);
    const back = valve(from);
    const isLike = scriptsOf();
    from.on('data', (chunk: Buffer) => {
      if (watch !== undefined && isLike(chunk, watch.like)) watch.left -= 1;
      if (watch?.left === 0) {
        const { side, stands } = watch;
        watch = undefined;
        const valves = side === 'before' ? toRedis : back;
        valves.shut(stands);
        standing.push(valves.open);
      }
      toRedis.push(chunk);
    });
    to.on('data', back.push);
  }

  const server = createServer((from) => {
    const to = connect(redisPath);
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(one);
      one.on('error', () => {}); // the close that follows is what counts
      one.once('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    connectThrough(from, to);
  });
  server.listen(socketPath);
  await once(server, 'listening');
  onTestFinished(async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return {
    socketPath,
    standAt: (nth, side, like = /^/) =>
      new Promise((resolve) => {
        watch = { left: nth, like, side, stands: resolve };
      }),
    cut() {
      standing = [];
      for (const socket of sockets) socket.destroy();
    },
    release() {
      const all = standing;
      standing = [];
      for (const go of all) go();
    },
  };
}

/** Passes chunks on to a socket; while it is shut it keeps them. */
function valve(to: Socket) {
  let kept: Buffer[] | undefined;
  let onKept: (() => void) | undefined;
  return {
    push(chunk: Buffer) {
      if (kept === undefined) to.write(chunk);
      else {
        kept.push(chunk);
        onKept?.();
      }
    },
    /** `stands` is called when the first chunk is kept. */
    shut(stands: () => void) {
      kept = [];
      onKept = stands;
    },
    open() {
      const chunks = kept ?? [];
      kept = undefined;
      if (!to.destroyed) for (const chunk of chunks) to.write(chunk);
    },
  };
}
