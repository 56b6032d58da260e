import { z } from 'zod';
import { clientConfigSchema, clientNameSchema } from './client-config.ts';
import { looseShape } from './client-defaults.ts';
import { configSchema } from './config-schema.ts';
import { exampleAuth, exampleConfig } from './setting-examples.ts';

/** Whatever holds a reference, of which nobody knows yet what it stands for. */
const REFERENCE = '\\$\\{';

/**
 * Makes the JSON Schema (draft 2020-12) of `waybill.yaml`, for editors. It accepts all that `waybill check` accepts, and
 * more: a client may have from `defaults` what it lacks, or take it back by null, and some rules have no words in JSON Schema. Each setting has
 * the examples of the template.
 */
export function configJsonSchema(): JsonSchema {
  const { baseUrl, endpoints, ...shared } = clientConfigSchema.shape;
  const schema = configSchema.extend({
    clients: z
      .record(clientNameSchema, z.strictObject({ baseUrl, endpoints, ...looseShape(shared) }))
      .describe(configSchema.shape.clients.description ?? ''),
  });
  const jsonSchema = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override({ jsonSchema, path }) {
      if (jsonSchema.pattern !== undefined && path.at(-1) !== 'propertyNames') {
        delete jsonSchema.format;
        jsonSchema.pattern = `(?:${jsonSchema.pattern})|${REFERENCE}`;
      }
      if (OF_DEFAULTS.test(path.join('/'))) allowNull(jsonSchema);
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

/** The place of a setting of a client that `defaults` may have, or of one of a section of them. */
const OF_DEFAULTS =
  /^properties\/clients\/additionalProperties\/properties\/(?!baseUrl|endpoints)(?:.*\/properties\/)?[^/]*$/;

/** A second time changes nothing. */
function allowNull(schema: JsonSchema): void {
  const { type, additionalProperties: each } = schema;
  // What tells sections apart.
  if (schema.const !== undefined || schema.not !== undefined) return;
  if (schema.enum !== undefined) schema.enum = [...new Set([...schema.enum, null])];
  if (typeof type === 'string') Object.assign(schema, { type: [type, 'null'] });
  // A header.
  if (typeof type === 'string' && typeof each === 'object') {
    schema.additionalProperties = { anyOf: [each, { type: 'null' }] };
  }
  for (const union of ['anyOf', 'oneOf'] as const) {
    const options = schema[union];
    if (options?.every((option) => option.type !== 'null')) schema[union] = [...options, { type: 'null' }];
  }
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** The same schema with what these values have of each of its settings; a section of settings has no examples itself. */
function withExamples(schema: JsonSchema, values: readonly unknown[]): JsonSchema {
  const { properties, additionalProperties: each, items } = schema;
  const within = values.flatMap((value) => (typeof value === 'object' ? Object.values(value ?? {}) : []));
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
  return Object.hasOwn(Object(section), key) ? [Object(section)[key]] : [];
}
