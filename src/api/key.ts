import { z } from 'zod';
import { API_SCOPES } from '../config/http-config.ts';
import type { ApiParts, ApiServer } from './api-parts.ts';
import { chooseClients } from './clients.ts';
import { problemsOf, time } from './schemas.ts';

/** What a key may do, and the service that says so. */
export const keyInfoSchema = z
  .object({
    name: z.string(),
    scopes: z.array(z.enum(API_SCOPES)),
    clients: z.array(z.string()).nullable().describe('the clients of the key; null: all'),
    version: z.string().describe('of the service'),
    now: time.describe("by the service's clock"),
    keepDays: z.number().nullable().describe('how long dead letters are kept; null: for ever'),
  })
  .meta({ id: 'KeyInfo' });
export type KeyInfo = z.infer<typeof keyInfoSchema>;

/** `GET /v1/key` */
export function addKeyRoute(server: ApiServer, { current, version, now }: ApiParts): void {
  server.get(
    '/v1/key',
    {
      schema: {
        operationId: 'getKey',
        tags: ['about'],
        summary: 'What the key of the request may do',
        response: { 200: keyInfoSchema, ...problemsOf(401, 403) },
      },
    },
    async (request): Promise<KeyInfo> => {
      const { keys, clients, keepDays = null } = current();
      const { name = '', scopes = [] } = keys.find((key) => key.name === request.keyName) ?? {};
      return {
        ...{ name, scopes, version, keepDays },
        clients: request.clients === clients ? null : chooseClients(request, undefined),
        now: new Date(now()).toISOString(),
      };
    },
  );
}
