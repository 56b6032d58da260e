import { z } from 'zod';

/** A JSON Schema, or a part of one. */
export type JsonSchema = z.core.JSONSchema.JSONSchema;

const known = new WeakMap<z.ZodType, JsonSchema>();

/** What a payload must be, as far as JSON Schema (draft 2020-12) can say it. Not to be changed: it is made once. */
export function payloadSchema(schema: z.ZodType): JsonSchema {
  let made = known.get(schema);
  if (made === undefined) {
    // As output: what a schema does before it looks at the fields hides them as input.
    made = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }) as JsonSchema;
    known.set(schema, made);
  }
  return made;
}

/** What stands at a key of an object or an array; undefined: JSON that the schema leaves open. */
export function fieldAt(
  { items, properties = {} }: JsonSchema,
  key: string | number,
): JsonSchema | undefined {
  const field = typeof key === 'number' ? items : Object.hasOwn(properties, key) && properties[key];
  return typeof field === 'object' && !Array.isArray(field) ? field : undefined;
}

/** The types of value that a field may have: `['string', 'integer']`; none: any. */
export function typesOf({ type, anyOf = [] }: JsonSchema): readonly string[] {
  const own: unknown = type ?? [];
  return [...(Array.isArray(own) ? own : [own]), ...anyOf.flatMap(typesOf)];
}
