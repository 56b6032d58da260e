import { z } from 'zod';
import { clientConfigSchema, clientNameSchema } from './client-config.ts';
import { looseShape } from './client-defaults.ts';
import { configSchema } from './config-schema.ts';

/** Whatever holds a reference, of which nobody knows yet what it stands for. */
const REFERENCE = '\\$\\{';

/**
 * Makes the JSON Schema (draft 2020-12) of `waybill.yaml`, for editors. It accepts all that `waybill check` accepts, and
 * more: a client may have from `defaults` what it lacks, and some rules have no words in JSON Schema.
 */
export function configJsonSchema(): z.core.JSONSchema.BaseSchema {
  const schema = configSchema.extend({
    clients: z
      .record(clientNameSchema, editedClient())
      .describe(configSchema.shape.clients.description ?? ''),
  });
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override({ jsonSchema, path }) {
      if (jsonSchema.type !== 'string' || jsonSchema.pattern === undefined) return;
      if (path.at(-1) === 'propertyNames') return;
      delete jsonSchema.format;
      jsonSchema.pattern = `(?:${jsonSchema.pattern})|${REFERENCE}`;
    },
  });
}

/** A client of which nothing is required that `defaults` may have. */
function editedClient(): z.ZodType {
  const { baseUrl, endpoints, auth, ...shared } = clientConfigSchema.shape;
  const types = auth.unwrap().options.map(({ shape }) => looseShape(shape));
  const { type: _, ...untyped } = Object.assign({}, ...types.toReversed());
  const sections = [...types.map((shape) => z.strictObject(shape)), z.strictObject(untyped)];
  return z.strictObject({
    baseUrl,
    endpoints,
    auth: z
      .union(sections)
      .optional()
      .describe(auth.description ?? ''),
    ...looseShape(shared),
  });
}
