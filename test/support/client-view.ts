import { type ClientView, readClientView } from '../../src/queue/client-view.ts';
import type { Connection } from '../../src/queue/servers.ts';

/** Reads a client, whatever endpoints its configuration has. */
export function readView(redis: Connection, name: string): Promise<ClientView> {
  return readClientView(redis, { name, endpoints: {} });
}
