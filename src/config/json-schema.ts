import { z } from 'zod';
import { clientConfigSchema, clientNameSchema } from './client-config.ts';
import { looseShape } from './client-defaults.ts';
import { configSchema } from './config-schema.ts';
import { exampleAuth, exampleConfig } from './setting-examples.ts';

/** Whatever holds a reference, of which nobody knows yet what it stands for. */
const REFERENCE = '\\$\\{';

/**
 * Makes the JSON Schema (draft 2020-12) of `waybill.yaml`, for editors. It accepts all that `waybill check` accepts, and
 * more: a client may have from `defaults` what it lacks, and some rules have no words in JSON Schema. Each setting has
 * the examples of the template.
 */
export function configJsonSchema(): JsonSchema {
  const schema = configSchema.extend({
    clients: z
      .record(clientNameSchema, editedClient())
      .describe(configSchema.shape.clients.description ?? ''),
  });
  const jsonSchema = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override({ jsonSchema, path }) {
      if (jsonSchema.type !== 'string' || jsonSchema.pattern === undefined) return;
      if (path.at(-1) === 'propertyNames') return;
      delete jsonSchema.format;
      jsonSchema.pattern = `(?:${jsonSchema.pattern})|${REFERENCE}`;
    },
  });
  const examples = exampleConfig();
  const clients = [
    ...Object.values(examples.clients),
    ...[...exampleAuth().values()].map((auth) => ({ auth })),
  ];
  return withExamples(jsonSchema, [
    examples,
    ...clients.map((client) => ({ clients: { client }, defaults: client })),
  ]);
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** The same schema with what these values have of each of its settings; a section of settings has no examples itself. */
function withExamples(schema: JsonSchema, values: readonly unknown[]): JsonSchema {
  const { properties, additionalProperties: each, items } = schema;
  const within = values.flatMap((value) => (isObject(value) ? Object.values(value) : []));
  const next = { ...schema };
  if (properties !== undefined) {
    const fitting = values.filter((value) => isOfKind(schema, value));
    const settings = Object.entries(properties).map(([key, setting]) => {
      const found = [fitting, values].map((all) => all.flatMap((value) => givenIn(value, key)));
      return [key, settingWith(setting as JsonSchema, found.find(({ length }) => length > 0) ?? [])];
    });
    next.properties = Object.fromEntries(settings);
  }
  if (typeof each === 'object') next.additionalProperties = withExamples(each, within);
  if (typeof items === 'object') next.items = withExamples(items as JsonSchema, within);
  for (const union of ['anyOf', 'oneOf'] as const) {
    const options = schema[union];
    if (options !== undefined) next[union] = options.map((option) => withExamples(option, values));
  }
  return next;
}

function settingWith(setting: JsonSchema, given: readonly unknown[]): JsonSchema {
  const { properties, additionalProperties: each, const: only } = setting;
  const inside = withExamples(setting, given);
  const isSection = properties !== undefined || (typeof each === 'object' && each.properties !== undefined);
  if (isSection || only !== undefined || given.length === 0) return inside;
  return { ...inside, examples: [...new Map(given.map((value) => [JSON.stringify(value), value])).values()] };
}

/** Whether a value is of this section and not of another one, as settings such as `type` say. */
function isOfKind({ properties = {} }: JsonSchema, section: unknown): boolean {
  return Object.entries(properties).every(([key, setting]) => {
    const { const: only, enum: some = [only] } = setting as JsonSchema;
    const [value = undefined] = givenIn(section, key);
    return some[0] === undefined || value === undefined || some.includes(value as string);
  });
}

/** One value, or none. */
function givenIn(section: unknown, key: string): unknown[] {
  return isObject(section) && Object.hasOwn(section, key) ? [section[key]] : [];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
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
