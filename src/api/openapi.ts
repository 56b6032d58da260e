import swagger from '@fastify/swagger';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { EVENT_TYPES } from '../core/event-types.ts';
import type { ApiServer } from './api-parts.ts';
import { EVENT_FORMATS } from './event-items.ts';
import { componentSchemas } from './schemas.ts';

const SUBMIT_PATH = '/v1/clients/{client}/events/{type}';

/** Collects the OpenAPI document from the routes that are added afterwards; `/openapi.json` serves it. */
export async function addOpenApi(server: ApiServer, version: string): Promise<void> {
  const schemaRegistry = componentSchemas;
  const nameComponents = createJsonSchemaTransformObject({ schemaRegistry });
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Waybill',
        version,
        description: "Takes a warehouse's events in and operates their delivery to the clients' endpoints.",
      },
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: 'a key as "waybill key" prints it' },
        },
      },
      security: [{ key: [] }],
    },
    transform: createJsonSchemaTransform({ schemaRegistry }),
    transformObject: (document) => describeBodies(nameComponents(document)),
  });
  server.get(
    '/openapi.json',
    {
      config: { scope: 'open' },
      schema: {
        operationId: 'getOpenApi',
        tags: ['about'],
        summary: 'This document',
        security: [],
        response: { 200: z.looseObject({ openapi: z.string() }) },
      },
    },
    async () => ({ ...server.swagger() }) as { openapi: string },
  );
}

type Document = ReturnType<ReturnType<typeof createJsonSchemaTransformObject>>;

/**
 * The bodies of events are read by the route itself, as they come, so fastify knows nothing of them. Their payloads
 * are the contract's, which stands beside the sender's own documentation; here they are objects with an example.
 */
function describeBodies(document: Document): Document {
  const post = (document as { paths?: Record<string, { post?: object }> }).paths?.[SUBMIT_PATH]?.post;
  if (post === undefined) return document;
  const payload = { type: 'object', examples: EVENT_TYPES.map(({ sample }) => sample) };
  const wrapper = {
    type: 'object',
    properties: { payload, idempotencyKey: { type: 'string' } },
    required: ['payload'],
    additionalProperties: false,
  };
  const content = Object.entries(EVENT_FORMATS).map(([type, { lines, wrapped }]) => {
    const item = wrapped ? wrapper : payload;
    const schema = lines
      ? { type: 'string', description: 'one JSON object a line' }
      : { oneOf: [item, { type: 'array', items: item, minItems: 1 }] };
    return [type, { schema }];
  });
  Object.assign(post, { requestBody: { required: true, content: Object.fromEntries(content) } });
  return document;
}
