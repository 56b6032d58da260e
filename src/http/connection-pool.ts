import { Connection, type ConnectionOptions, type ConnectionUser } from './connection.ts';

/** The connections to one origin, at most `limit`. The one used last is used next, so that spare ones close. */
export class ConnectionPool {
  readonly #origin: string;
  readonly #limit: number;
  readonly #options: ConnectionOptions;
  readonly #open = new Set<Connection>();
  readonly #idle: Connection[] = [];
  /** Empty as long as the caller keeps to its own limit. */
  readonly #waiting: ConnectionUser[] = [];
  readonly #onIdleEnd = (connection: Connection): void => this.#forget(connection);

  constructor(origin: string, limit: number, options: ConnectionOptions) {
    this.#origin = origin;
    this.#limit = limit;
    this.#options = options;
  }

  /** Gives the user a connection, now or as soon as there is one. */
  acquire(user: ConnectionUser): void {
    const connection = this.#takeIdle() ?? (this.#open.size < this.#limit ? this.#add() : undefined);
    if (connection === undefined) this.#waiting.push(user);
    else lend(connection, user);
  }

  /** Takes a connection back whose answer has been read to its end. */
  release(connection: Connection): void {
    connection.user = undefined;
    if (connection.isUsable(performance.now())) {
      this.#idle.push(connection);
      this.#serveWaiting();
    } else {
      this.discard(connection);
    }
  }

  /** Closes a connection that cannot be used again. */
  discard(connection: Connection): void {
    if (!this.#open.delete(connection)) return;
    connection.user = undefined;
    void connection.close();
    this.#serveWaiting();
  }

  /** Closes the connection and gives the user one that is certainly new. */
  replace(connection: Connection, user: ConnectionUser): void {
    this.#open.delete(connection);
    connection.user = undefined;
    void connection.close();
    lend(this.#add(), user);
  }

  /** Calls all requests off and closes all connections. Nothing may be acquired afterwards. */
  async close(): Promise<void> {
    for (const user of this.#waiting.splice(0)) user.abort();
    const connections = [...this.#open];
    for (const { user } of connections) user?.abort();
    this.#open.clear();
    this.#idle.length = 0;
    await Promise.all(connections.map((connection) => connection.close()));
  }

  #takeIdle(): Connection | undefined {
    if (this.#idle.length === 0) return undefined;
    const now = performance.now();
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      if (connection.isUsable(now)) return connection;
      this.#open.delete(connection);
      void connection.close();
    }
    return undefined;
  }

  #add(): Connection {
    const connection = new Connection(this.#origin, this.#options, this.#onIdleEnd);
    this.#open.add(connection);
    return connection;
  }

  #forget(connection: Connection): void {
    this.#open.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
  }

  #serveWaiting(): void {
    let next = this.#waiting.shift();
    while (next?.done) next = this.#waiting.shift();
    if (next !== undefined) this.acquire(next);
  }
}

function lend(connection: Connection, user: ConnectionUser): void {
  connection.user = user;
  user.begin(connection);
}
