import { Connection, type ConnectionUser, type Gone } from './connection.ts';
import type { Connector, Origin } from './connector.ts';

/** How long connections are used only once after one of them brought what nobody had asked for. */
const DISTRUST_MS = 600_000;
/** How often idle connections are looked through for those whose time is over. */
const SWEEP_MS = 500;

/** The connections to one origin, at most `limit`. The one used last is used next, so that spare ones close. */
export class ConnectionPool {
  readonly #origin: Origin;
  readonly #limit: number;
  readonly #connect: Connector;
  readonly #open = new Set<Connection>();
  readonly #idle: Connection[] = [];
  /** Empty as long as the caller keeps to its own limit. */
  readonly #waiting: ConnectionUser[] = [];
  /** Until when connections are used only once, in milliseconds of the monotonic clock. */
  #distrustedUntil = 0;
  #sweeping: NodeJS.Timeout | undefined;

  constructor(origin: Origin, limit: number, connect: Connector) {
    this.#origin = origin;
    this.#limit = limit;
    this.#connect = connect;
  }

  /** Gives the user a connection, now or as soon as there is one. */
  acquire(user: ConnectionUser): void {
    const connection = this.#takeIdle() ?? (this.#open.size < this.#limit ? this.#add() : undefined);
    if (connection === undefined) this.#waiting.push(user);
    else connection.lend(user);
  }

  /** Takes a connection back whose answer has been read to its end. */
  release(connection: Connection, now: number): void {
    if (connection.hasExcess) this.#distrustedUntil = now + DISTRUST_MS;
    if (connection.idleUntil <= now || now < this.#distrustedUntil) {
      this.discard(connection);
      return;
    }
    const next = this.#nextWaiting();
    if (next !== undefined) {
      // There may be more to read than this answer: however soon, it is looked for first.
      connection.answeredAt = Number.NEGATIVE_INFINITY;
      connection.lend(next);
      return;
    }
    connection.answeredAt = now;
    connection.user = undefined;
    this.#idle.push(connection);
    // Does not keep the process alive: the connections do, until they are looked through.
    this.#sweeping ??= setTimeout(() => this.#sweep(), SWEEP_MS).unref();
  }

  /** Closes a connection that cannot be used again. */
  discard(connection: Connection): void {
    if (!this.#open.delete(connection)) return;
    connection.close();
    const next = this.#nextWaiting();
    if (next !== undefined) this.#add().lend(next);
  }

  /** Closes the connection and gives the user one that is certainly new. */
  replace(connection: Connection, user: ConnectionUser): void {
    this.#open.delete(connection);
    connection.close();
    this.#add().lend(user);
  }

  /** Calls all requests off and closes all connections. Nothing may be acquired afterwards. */
  async close(): Promise<void> {
    for (const user of this.#waiting.splice(0)) user.abort();
    const connections = [...this.#open];
    for (const { user } of connections) user?.abort();
    this.#open.clear();
    this.#idle.length = 0;
    clearTimeout(this.#sweeping);
    for (const connection of connections) connection.close();
    await Promise.all(connections.map((connection) => connection.closed()));
  }

  #takeIdle(): Connection | undefined {
    const now = performance.now();
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      if (now < connection.idleUntil && now >= this.#distrustedUntil) return connection;
      this.discard(connection);
    }
    return undefined;
  }

  /**
   * Closes what has been idle for so long that the server may close it at any time, or has an unsent rest. What is
   * left does not keep the process alive; as this is seen to here, it costs a busy connection nothing.
   */
  #sweep(): void {
    this.#sweeping = undefined;
    const now = performance.now();
    const isUseless = ({ idleUntil, unsentBytes }: Connection) => idleUntil <= now || unsentBytes > 0;
    for (const connection of this.#idle.filter(isUseless)) {
      this.#idle.splice(this.#idle.indexOf(connection), 1);
      this.discard(connection);
    }
    for (const connection of this.#idle) connection.rest();
    if (this.#idle.length > 0) this.#sweeping = setTimeout(() => this.#sweep(), SWEEP_MS).unref();
  }

  #add(): Connection {
    const connection = new Connection(this.#origin, this.#connect, (gone, why) => this.#onGone(gone, why));
    this.#open.add(connection);
    return connection;
  }

  #onGone(connection: Connection, gone: Gone): void {
    // A server that answers once too often answers each request with what was meant for another, as soon as
    // such an answer comes when the next request is already on its way: nothing in HTTP/1.1 tells them apart.
    if (gone.kind === 'unasked') this.#distrustedUntil = performance.now() + DISTRUST_MS;
    const { user } = connection;
    if (user === undefined) {
      this.#open.delete(connection);
      this.#idle.splice(this.#idle.indexOf(connection), 1);
    } else if (connection.answers > 0 && !connection.written) {
      this.replace(connection, user);
    } else {
      user.onGone(gone);
    }
  }

  #nextWaiting(): ConnectionUser | undefined {
    let next = this.#waiting.shift();
    while (next?.done) next = this.#waiting.shift();
    return next;
  }
}
