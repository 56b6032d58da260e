import { Connection, type ConnectionUser } from './connection.ts';
import type { Connector } from './connector.ts';

/** How long connections are used only once after one of them brought what nobody had asked for. */
const DISTRUST_MS = 600_000;

/** The connections to one origin, at most `limit`. The one used last is used next, so that spare ones close. */
export class ConnectionPool {
  readonly #origin: string;
  readonly #limit: number;
  readonly #connect: Connector;
  readonly #open = new Set<Connection>();
  readonly #idle: Connection[] = [];
  /** Empty as long as the caller keeps to its own limit. */
  readonly #waiting: ConnectionUser[] = [];
  /** Until when connections are used only once, in milliseconds of the monotonic clock. */
  #distrustedUntil = 0;

  constructor(origin: string, limit: number, connect: Connector) {
    this.#origin = origin;
    this.#limit = limit;
    this.#connect = connect;
  }

  /** Gives the user a connection, now or as soon as there is one. */
  acquire(user: ConnectionUser): void {
    const connection = this.#idle.pop() ?? (this.#open.size < this.#limit ? this.#add() : undefined);
    if (connection === undefined) {
      this.#waiting.push(user);
      return;
    }
    this.#lend(connection, user);
  }

  /** Takes a connection back whose answer has been read to its end. */
  release(connection: Connection): void {
    if (connection.unsentBytes > 0 || this.#isDistrusted()) {
      this.discard(connection);
      return;
    }
    const next = this.#nextWaiting();
    if (next !== undefined) {
      this.#lend(connection, next);
      return;
    }
    connection.user = undefined;
    this.#idle.push(connection);
  }

  /** Closes a connection that cannot be used again. */
  discard(connection: Connection): void {
    if (!this.#open.delete(connection)) return;
    connection.close();
    const next = this.#nextWaiting();
    if (next !== undefined) this.#lend(this.#add(), next);
  }

  /** Closes the connection and gives the user one that is certainly new. */
  replace(connection: Connection, user: ConnectionUser): void {
    this.#open.delete(connection);
    connection.close();
    this.#lend(this.#add(), user);
  }

  /** Calls all requests off and closes all connections. Nothing may be acquired afterwards. */
  async close(): Promise<void> {
    for (const user of this.#waiting.splice(0)) user.abort();
    const connections = [...this.#open];
    for (const { user } of connections) user?.abort();
    this.#open.clear();
    this.#idle.length = 0;
    await Promise.all(
      connections.map((connection) => {
        connection.close();
        return connection.client.destroy();
      }),
    );
  }

  /** Hardly ever is there anything to look at the clock for. */
  #isDistrusted(): boolean {
    return this.#distrustedUntil > 0 && performance.now() < this.#distrustedUntil;
  }

  #lend(connection: Connection, user: ConnectionUser): void {
    connection.user = user;
    user.begin(connection);
  }

  #add(): Connection {
    const connection = new Connection(this.#origin, this.#connect, (gone, error) =>
      this.#onGone(gone, error),
    );
    this.#open.add(connection);
    return connection;
  }

  #onGone(connection: Connection, error: Error): void {
    // A server that answers once too often answers each request with what was meant for another, as soon as
    // such an answer comes when the next request is already on its way: nothing in HTTP/1.1 tells them apart.
    if (this.#open.has(connection) && connection.spokeUnasked(error)) {
      this.#distrustedUntil = performance.now() + DISTRUST_MS;
    }
    // In use, and its request not failed: it is not written yet, and undici connects once more for it.
    if (this.#open.has(connection) && connection.user !== undefined) return;
    if (this.#open.delete(connection)) this.#idle.splice(this.#idle.indexOf(connection), 1);
    // Or else undici would connect once more for a request that is over.
    void connection.client.destroy();
  }

  #nextWaiting(): ConnectionUser | undefined {
    let next = this.#waiting.shift();
    while (next?.done) next = this.#waiting.shift();
    return next;
  }
}
