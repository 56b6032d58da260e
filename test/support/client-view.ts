import type { Redis } from 'ioredis';
import { type ClientView, readClientView } from '../../src/queue/client-view.ts';

/** Reads a client, whatever endpoints its configuration has. */
export function readView(redis: Redis, name: string): Promise<ClientView> {
  return readClientView(redis, { name, endpoints: {} });
}
