import { z } from 'zod';
import { configSchema } from './config-schema.ts';

/** A setting of `waybill.yaml`, or a section of settings, as its schema describes it. */
export interface SettingText {
  /** `metrics.port`, `clients.<name>.retry`, `http.keys[].name` */
  readonly path: string;
  readonly description: string;
  /** What may be given: `32, 1 to 1000`, `required`, `optional`; undefined for a section. */
  readonly allows?: string;
}

/** Describes every setting but those of `auth`, in the order of the schema. */
export function describeSettings(): SettingText[] {
  return [...textsOf(jsonSchema(configSchema), '')];
}

/** Describes the settings of `auth`, for each type. */
export function describeAuth(): ReadonlyMap<string, readonly SettingText[]> {
  const { auth } = jsonSchema(configSchema.shape.clients.valueType).properties ?? {};
  const types = (auth?.oneOf ?? []).map((option): [string, SettingText[]] => [
    option.properties?.['type']?.const ?? '',
    [...textsOf(option, '')].filter(({ path }) => path !== 'type'),
  ]);
  return new Map(types);
}

/** The part of JSON Schema that zod writes for the configuration. */
interface JsonSchema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly oneOf?: readonly JsonSchema[];
  readonly const?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}

function jsonSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
}

function* textsOf(section: JsonSchema, parent: string): Generator<SettingText> {
  for (const [key, schema] of Object.entries(section.properties ?? {})) {
    const path = parent === '' ? key : `${parent}.${key}`;
    const description = schema.description ?? '';
    const inside = insideOf(schema, path);
    const isSection = schema.properties !== undefined || (inside !== undefined && schema.items === undefined);
    const isRequired = section.required?.includes(key) === true;
    yield { path, description, ...(isSection ? {} : { allows: allowsOf(schema, isRequired) }) };
    if (inside !== undefined) yield* textsOf(...inside);
  }
}

/** The section that a setting leads to, and its path; undefined: it is a value of its own. */
function insideOf(schema: JsonSchema, path: string): [JsonSchema, string] | undefined {
  const { properties, additionalProperties: each, items } = schema;
  // The settings of clients once more.
  if (path === 'defaults') return undefined;
  if (properties !== undefined) return [schema, path];
  if (typeof each === 'object' && each.properties !== undefined) return [each, `${path}.<name>`];
  if (items?.properties !== undefined) return [items, `${path}[]`];
  if (items?.oneOf !== undefined) return [joined(items.oneOf), `${path}[]`];
  return undefined;
}

/** One section with the settings of several. A setting is described as the first of them has it. */
function joined(sections: readonly JsonSchema[]): JsonSchema {
  const properties = Object.assign({}, ...sections.map((section) => section.properties).reverse());
  return { properties, required: sections.flatMap((section) => section.required ?? []) };
}

function allowsOf(schema: JsonSchema, isRequired: boolean): string {
  const value = schema.default;
  const given = isRequired ? 'required' : 'optional';
  const isPlain = typeof value === 'string' && !value.includes(' ');
  const first = value === undefined ? given : isPlain ? value : JSON.stringify(value);
  const range = rangeOf(schema);
  return range === undefined ? first : `${first}, ${range}`;
}

function rangeOf({ minimum, exclusiveMinimum, maximum }: JsonSchema): string | undefined {
  if (maximum === undefined) return undefined;
  return minimum === undefined ? `above ${exclusiveMinimum}, to ${maximum}` : `${minimum} to ${maximum}`;
}
