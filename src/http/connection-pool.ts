import { Connection } from './connection.ts';
import type { Connector } from './connector.ts';

/** Who wants a connection. */
export interface ConnectionUser {
  /** Whether it has no more use for one. */
  readonly done: boolean;
  /** Takes the connection, until it is released or discarded. */
  begin(connection: Connection): void;
}

/** The connections to one origin, at most `limit`. The one used last is used next, so that spare ones close. */
export class ConnectionPool {
  readonly #origin: string;
  readonly #limit: number;
  readonly #connector: Connector;
  readonly #open = new Set<Connection>();
  readonly #idle: Connection[] = [];
  /** Empty as long as the caller keeps to its own limit. */
  readonly #waiting: ConnectionUser[] = [];

  constructor(origin: string, limit: number, connector: Connector) {
    this.#origin = origin;
    this.#limit = limit;
    this.#connector = connector;
  }

  /** Gives the user a connection, now or as soon as there is one. */
  acquire(user: ConnectionUser): void {
    let connection = this.#idle.pop();
    while (connection?.isUsable() === false) {
      this.#close(connection);
      connection = this.#idle.pop();
    }
    if (connection !== undefined) {
      connection.idle = false;
      user.begin(connection);
    } else if (this.#open.size < this.#limit) this.#add(user);
    else this.#waiting.push(user);
  }

  /** Takes a connection back whose answer has been read to its end. */
  release(connection: Connection): void {
    connection.idle = true;
    if (connection.isUsable()) this.#idle.push(connection);
    else this.#close(connection);
    this.#serveWaiting();
  }

  /** Closes a connection that cannot be used again. */
  discard(connection: Connection): void {
    this.#close(connection);
    this.#serveWaiting();
  }

  /** Closes the connection and gives the user one that is certainly new. */
  replace(connection: Connection, user: ConnectionUser): void {
    this.#close(connection);
    this.#add(user);
  }

  /** Closes all connections. Nothing may be acquired afterwards. */
  async close(): Promise<void> {
    this.#idle.length = 0;
    await Promise.all([...this.#open].map((connection) => connection.close()));
  }

  #add(user: ConnectionUser): void {
    const connection = new Connection(this.#origin, this.#connector, (ended) => {
      this.#open.delete(ended);
      const at = this.#idle.indexOf(ended);
      if (at !== -1) this.#idle.splice(at, 1);
    });
    this.#open.add(connection);
    user.begin(connection);
  }

  #close(connection: Connection): void {
    connection.idle = true;
    if (this.#open.delete(connection)) void connection.close();
  }

  #serveWaiting(): void {
    let next = this.#waiting.shift();
    while (next?.done) next = this.#waiting.shift();
    if (next !== undefined) this.acquire(next);
  }
}
