import swagger from '@fastify/swagger';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { EVENT_TYPES } from '../core/event-types.ts';
import { MAX_KEY_LENGTH } from '../core/idempotency-key.ts';
import { payloadSchema } from '../core/payload-schema.ts';
import type { ApiServer } from './api-parts.ts';
import { EVENT_FORMATS } from './event-items.ts';
import { type Access, scopesFor } from './keys.ts';
import { problemsOf } from './schemas.ts';

const SUBMIT_PATH = '/v1/clients/{client}/events/{type}';

const TAGS = [
  { name: 'events', description: 'Events in, and what became of them.' },
  { name: 'clients', description: 'Who receives events.' },
  { name: 'dead letters', description: 'Events that were given up on.' },
  { name: 'incidents', description: 'Endpoints that fail.' },
  { name: 'about', description: 'The API itself.' },
];

/** Collects the OpenAPI document from the routes that are added later, and serves it as `/openapi.json`. */
export async function addOpenApi(server: ApiServer, version: string): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Waybill',
        version,
        description: "Takes a warehouse's events in and operates their delivery to the clients' endpoints.",
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/', description: 'The service that this document comes from.' }],
      tags: TAGS,
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: 'a key as "waybill key" prints it' },
        },
      },
    },
    transform(route) {
      const { schema, url } = jsonSchemaTransform(route);
      return {
        schema: { ...schema, security: securityOf(route.route.config?.access, route.route.method) },
        url,
      };
    },
    transformObject: (document) => describeBodies(jsonSchemaTransformObject(document)),
  });
  server.get(
    '/openapi.json',
    {
      config: { access: 'open' },
      schema: {
        operationId: 'getOpenApi',
        tags: ['about'],
        summary: 'This document',
        response: {
          200: z.looseObject({ openapi: z.string() }).describe('the document'),
          ...problemsOf(431),
        },
      },
    },
    async () => ({ ...server.swagger() }) as { openapi: string },
  );
}

/** Scopes stand where OpenAPI 3.1 has roles; one of them is enough. */
function securityOf(access: Access | undefined, method: unknown): { key: string[] }[] {
  return scopesFor(access, method).map((scope) => ({ key: [scope] }));
}

type Document = ReturnType<typeof jsonSchemaTransformObject>;

interface Described {
  readonly paths?: Record<string, { post?: object }>;
  readonly components?: { schemas?: Record<string, object> };
}

/** The route of events reads its body itself, so fastify knows nothing of it. */
function describeBodies(document: Document): Document {
  const { paths, components } = document as Described;
  const post = paths?.[SUBMIT_PATH]?.post;
  const schemas = components?.schemas;
  if (post === undefined || schemas === undefined) return document;
  // The plugin writes each component twice; these are all of answers.
  for (const name of Object.keys(schemas)) if (name.endsWith('Input')) delete schemas[name];
  for (const { name, schema, sample } of EVENT_TYPES) schemas[name] = describePayload(schema, sample);
  const payload = { anyOf: EVENT_TYPES.map(({ name }) => ({ $ref: `#/components/schemas/${name}` })) };
  const wrapper = {
    type: 'object',
    properties: { payload, idempotencyKey: { type: 'string', minLength: 1, maxLength: MAX_KEY_LENGTH } },
    required: ['payload'],
    additionalProperties: false,
  };
  const content = Object.entries(EVENT_FORMATS).map(([type, { lines, wrapped }]) => {
    const item = wrapped ? wrapper : payload;
    const what = wrapped ? 'a payload and perhaps an idempotencyKey, an object a line' : 'a payload a line';
    const schema = lines
      ? { type: 'string', description: what }
      : { oneOf: [item, { type: 'array', items: item, minItems: 1 }] };
    return [type, { schema }];
  });
  Object.assign(post, { requestBody: { required: true, content: Object.fromEntries(content) } });
  return document;
}

function describePayload(contract: z.ZodType, sample: unknown): object {
  const { $schema: _, ...schema } = payloadSchema(contract);
  const description =
    'An integer in digits alone, up to 2^53-1, stands for the text that it spells if either is taken.';
  return { ...schema, description, examples: [sample] };
}
