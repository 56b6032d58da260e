import { atMost } from '../core/time.ts';
import { type Connection, isCluster } from './servers.ts';

/** How long a silent server of a Cluster is waited for. */
const SERVER_READ_MS = 5_000;

/** What was read of each client, and the clients of which nothing could be. */
export interface ReadOfEach<Value> {
  readonly found: ReadonlyMap<string, Value>;
  /** Their server of a Cluster is away; of one Redis: none. */
  readonly unread: readonly string[];
}

/**
 * Reads something of each client, all at once.
 *
 * @param limitMs how long a server of a Cluster may take, if there are others to read of: ioredis goes on asking a silent one
 * @throws if nothing can be read of any, or there is one Redis
 */
export async function readOfEach<Value extends object>(
  redis: Connection,
  clients: readonly string[],
  read: (client: string) => Promise<Value>,
  limitMs = SERVER_READ_MS,
): Promise<ReadOfEach<Value>> {
  const isLimited = isCluster(redis) && clients.length > 1;
  const found = new Map<string, Value>();
  const unread = new Map<string, unknown>();
  await Promise.all(
    clients.map((client) =>
      (isLimited ? inTime(limitMs, read(client)) : read(client)).then(
        (value) => found.set(client, value),
        (error) => unread.set(client, error),
      ),
    ),
  );
  const [error] = unread.values();
  if (error !== undefined && (found.size === 0 || !isCluster(redis))) throw error;
  const inOrder = clients.flatMap((client) => {
    return found.has(client) ? [[client, found.get(client) as Value] as const] : [];
  });
  return { found: new Map(inOrder), unread: [...unread.keys()].sort() };
}

async function inTime<Value extends object>(limitMs: number, reading: Promise<Value>): Promise<Value> {
  const value = await atMost(limitMs, reading);
  if (value === undefined) throw new Error('Command timed out');
  return value;
}

const NAMED = 3;

/** Says which clients could not be read. */
export function unreadText(unread: readonly string[]): string {
  const more = unread.length > NAMED ? ` and ${unread.length - NAMED} more` : '';
  const names = `${unread.slice(0, NAMED).join(', ')}${more}`;
  return `a server of the Cluster is away, or does not answer, and with it what is known of ${names}`;
}
