import type { EventType } from '../core/event-type.ts';
import { EVENT_TYPES } from '../core/event-types.ts';
import { type JsonSchema, payloadSchema, typesOf } from '../core/payload-schema.ts';
import { VERSION } from '../version.ts';
import { sentSample } from './describe-events.ts';

/** What the document is called. */
export const RECEIVER_HEADING = "An OpenAPI document of a client's endpoints, for tools";

const PARAMETERS = {
  'Idempotency-Key': {
    required: true,
    description: "The event's id: the same for each attempt to deliver it. Drop doubles by it.",
    schema: { type: 'string', format: 'uuid' },
  },
  'X-Waybill-Attempt': {
    required: true,
    description: 'Which attempt this is; a replay begins at 1 again.',
    schema: { type: 'integer', minimum: 1 },
  },
  'User-Agent': {
    description: 'The sender and its version.',
    schema: { type: 'string', examples: [`waybill/${VERSION}`] },
  },
  'X-Waybill-Check': {
    description: 'Of a sample event: accept it, and do nothing for it.',
    schema: { type: 'string', enum: ['sample'] },
  },
  'X-Waybill-Loadtest': {
    description: 'Of a load test that was agreed: its name.',
    schema: { type: 'string' },
  },
  'webhook-id': {
    description: "Of a signed request (Standard Webhooks): the event's id.",
    schema: { type: 'string' },
  },
  'webhook-timestamp': {
    description: 'Of a signed request: when it was sent, in seconds since 1970 (UTC).',
    schema: { type: 'string', pattern: '^[0-9]+$' },
  },
  'webhook-signature': {
    description: 'Of a signed request: one signature, or several with a space between them.',
    schema: { type: 'string' },
  },
};

const SECURITY = {
  bearer: { type: 'http', scheme: 'bearer', description: 'A token that does not change.' },
  basic: { type: 'http', scheme: 'basic' },
  apiKey: { type: 'apiKey', in: 'header', name: 'X-Api-Key', description: 'Any other header can be agreed.' },
  oauth2: {
    type: 'oauth2',
    description: 'Client credentials (RFC 6749, section 4.4). A new token is taken after a 401.',
    flows: { clientCredentials: { tokenUrl: 'https://auth.acme.example/oauth/token', scopes: {} } },
  },
};

const message = { type: 'object', properties: { message: { type: 'string' } } };

/** The contract's form of a validation failure (part 2). */
const validationFailure = {
  type: 'object',
  required: ['message', 'errors'],
  properties: {
    message: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['field', 'code'],
        properties: {
          field: { type: 'string', description: 'A JSON path.', examples: ['$.location_identifier'] },
          code: { type: 'string', enum: ['missing_field', 'invalid_type', 'invalid'] },
        },
      },
    },
  },
};

/** What follows from a status, and the schema of the body that is of use beside it. The body may always be missing. */
const FAILURES: Readonly<Record<string, readonly [description: string, schema?: string]>> = {
  400: ['Bad or unparseable. The same bytes are sent again later, as after any failure.', 'Message'],
  401: ['Not authorized. A new token is taken, if there is one, and the same bytes are sent at once.'],
  422: ['A validation failure. The same bytes are sent again later.', 'ValidationFailure'],
  429: ['Too many requests. Everything waits as long as Retry-After says, and then goes slower.', 'Message'],
  500: ['An error of the server. The same bytes are sent again later.', 'Message'],
  502: ['The server behind a gateway is not available. The same bytes are sent again later.', 'Message'],
  503: ['Not available for now. Everything waits as long as Retry-After says.', 'Message'],
};

/** Makes the OpenAPI 3.1 document of what a client builds: an endpoint for each event type, at its usual path. */
export function receiverOpenApi(): object {
  const schemas = EVENT_TYPES.map((type: EventType) => [type.name, sentSchema(type)]);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Endpoints that receive events from Waybill',
      version: VERSION,
      description:
        'What to build in order to receive events: one endpoint for each type that you want. Host and paths are ' +
        'yours to choose, and one of the ways to authorize requests. `waybill docs receivers` has the rules in words.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: 'https://{host}', variables: { host: { default: 'returns.acme.example' } } }],
    security: [{}, ...Object.keys(SECURITY).map((name) => ({ [name]: [] }))],
    tags: [{ name: 'events', description: 'One event a request.' }],
    paths: Object.fromEntries(EVENT_TYPES.map((type: EventType) => [type.path, { post: operation(type) }])),
    components: {
      schemas: { ...Object.fromEntries(schemas), Message: message, ValidationFailure: validationFailure },
      parameters: Object.fromEntries(
        Object.entries(PARAMETERS).map(([name, parameter]) => [name, { name, in: 'header', ...parameter }]),
      ),
      securitySchemes: SECURITY,
    },
  };
}

function operation(type: EventType): object {
  const { name, summary, alreadyReceivedStatus } = type;
  const isNew = {
    description: 'Delivered. A body is not needed, and used for debugging only.',
    ...json('Message'),
  };
  const known = { description: 'Delivered: it had been received before.', ...json('Message') };
  const failures = Object.entries(FAILURES).map(([status, [description, schema]]) => [
    status,
    { description, ...(schema && json(schema)) },
  ]);
  return {
    operationId: name,
    tags: ['events'],
    summary: summary.replace(/\.$/, ''),
    parameters: Object.keys(PARAMETERS).map((header) => ({ $ref: `#/components/parameters/${header}` })),
    requestBody: {
      required: true,
      description: '256 KiB at most, in UTF-8, not packed.',
      content: { 'application/json': { ...ref(name), example: sentSample(type) } },
    },
    responses: {
      ...(alreadyReceivedStatus === undefined
        ? { 200: isNew }
        : { 201: isNew, [alreadyReceivedStatus]: known }),
      ...Object.fromEntries(failures),
    },
  };
}

function json(schema: string): object {
  return { content: { 'application/json': ref(schema) } };
}

function ref(schema: string): object {
  return { schema: { $ref: `#/components/schemas/${schema}` } };
}

/** What is sent: where a producer may give a number for a text, there is a text. */
function sentSchema({ schema, summary }: EventType): object {
  const { $schema: _, ...contract } = textOnly(payloadSchema(schema));
  return { ...contract, description: summary };
}

function textOnly(schema: JsonSchema): JsonSchema {
  const { properties, items, anyOf } = schema;
  const types = typesOf(schema);
  const isText = anyOf === undefined && types.includes('string');
  const sent = types.filter((type) => type !== 'integer');
  return {
    ...schema,
    ...(isText && { type: (sent.length === 1 ? sent[0] : sent) as 'string' }),
    ...(anyOf && { anyOf: anyOf.map((option) => textOnly(option as JsonSchema)) }),
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, field]) => [name, textOnly(field as JsonSchema)]),
      ),
    }),
    ...(typeof items === 'object' && { items: textOnly(items as JsonSchema) }),
  };
}
