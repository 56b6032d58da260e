import { z } from 'zod';
import { clientConfigSchema } from './client-config.ts';

type Section = Readonly<Record<string, unknown>>;
type Partially<Value> = Value extends readonly unknown[]
  ? Value
  : Value extends object
    ? { [Key in keyof Value]?: Partially<Value[Key]> }
    : Value;

/** What each client has for itself. */
const OWN = { baseUrl: true, endpoints: true } as const;
const { shape: shared } = clientConfigSchema.omit(OWN);

/** What `defaults` may say: anything of a client but its own, each of it optional. */
type ClientDefaults = Partially<Omit<z.input<typeof clientConfigSchema>, keyof typeof OWN>>;

/**
 * The same setting, of which nothing is required and nothing filled in, but for the `type` that tells others. What holds
 * between several settings is left to the clients, which may add what is missing.
 */
function loosened(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodDefault) {
    // Only told: an editor shows it.
    return withMeta(schema, { default: schema.def.defaultValue });
  }
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault) return withMeta(schema);
  if (schema instanceof z.ZodDiscriminatedUnion) {
    const shapes = schema.options.map((option) => looseShape((option as z.ZodObject).shape));
    // Without a type the settings may be those of any; an editor is told that there is none.
    const none = { [schema.def.discriminator]: z.undefined().optional().meta({ not: {} }) };
    const options = [...shapes, Object.assign({}, ...shapes.toReversed(), none)];
    return z.discriminatedUnion(
      schema.def.discriminator,
      options.map((shape) => z.strictObject(shape)) as [z.ZodObject],
    );
  }
  if (schema instanceof z.ZodUnion) {
    return z.union(schema.options.map((option) => loosened(option as z.ZodType)));
  }
  return schema instanceof z.ZodObject ? z.strictObject(looseShape(schema.shape)) : schema;
}

/** What a wrapper holds, with the metadata of both. */
function withMeta(wrapper: z.ZodOptional | z.ZodPrefault | z.ZodDefault, more: object = {}): z.ZodType {
  const inner = wrapper.unwrap() as z.ZodType;
  return loosened(inner).meta({ ...inner.meta(), ...wrapper.meta(), ...more });
}

/** The settings of a section, each optional, but for a literal. */
export function looseShape(shape: z.core.$ZodShape): Record<string, z.ZodType> {
  const settings = Object.entries(shape as Record<string, z.ZodType>);
  return Object.fromEntries(
    settings.map(([key, schema]) => {
      if (schema instanceof z.ZodLiteral) return [key, schema];
      const loose = loosened(schema);
      return [key, loose.optional().meta({ ...schema.meta(), ...loose.meta() })];
    }),
  );
}

/** The section `defaults`, which is merged into each client. */
export const clientDefaultsSchema = z.strictObject(looseShape(shared)) as z.ZodType<unknown, ClientDefaults>;

/** Whether nothing at all is written at a place: a slip, unlike `null`. */
type IsEmpty = (keys: readonly PropertyKey[]) => boolean;

/**
 * Merges `defaults` into each client of a tree that was not checked yet. A `null` in a client takes back what `defaults`
 * give. The tree itself stays as it is.
 */
export function mergeDefaults(tree: unknown, isEmpty: IsEmpty = () => false): unknown {
  if (!isSection(tree) || !isSection(tree['defaults']) || !isSection(tree['clients'])) return tree;
  const defaults = without(tree['defaults'], Object.keys(OWN));
  const clients = Object.entries(tree['clients']).map(([name, client]) => [
    name,
    isSection(client) ? merged(defaults, client, ['clients', name], isEmpty) : client,
  ]);
  return { ...tree, clients: Object.fromEntries(clients) };
}

/** A section with what it leaves out of another one, and without what it takes back. */
function merged(base: Section, own: Section, keys: readonly PropertyKey[], isEmpty: IsEmpty): Section {
  const settings = Object.entries(own).flatMap(([key, value]): [string, unknown][] => {
    if (!Object.hasOwn(base, key)) return [[key, value]];
    const place = [...keys, key];
    const isTakenBack = value === null && !isEmpty(place);
    return isTakenBack ? [] : [[key, mergedSetting(base[key], value, place, isEmpty)]];
  });
  const others = Object.entries(base).filter(([key]) => !Object.hasOwn(own, key));
  return Object.fromEntries([...others, ...settings]);
}

/** Sections are merged; a text, a list and what a token service is sent stand for themselves. */
function mergedSetting(base: unknown, own: unknown, keys: readonly PropertyKey[], isEmpty: IsEmpty): unknown {
  const key = keys.at(-1);
  if (!isSection(base) || !isSection(own) || key === 'body') return own;
  const isOfOtherType = key === 'auth' && 'type' in base && 'type' in own && base['type'] !== own['type'];
  if (isOfOtherType) return own;
  return merged(key === 'headers' ? spelledAs(base, own) : base, own, keys, isEmpty);
}

/** The same headers, with the names that other ones have in upper and lower case. */
function spelledAs(headers: Section, others: Section): Section {
  const names = new Map(Object.keys(others).map((name) => [name.toLowerCase(), name]));
  const entries = Object.entries(headers);
  return Object.fromEntries(entries.map(([name, value]) => [names.get(name.toLowerCase()) ?? name, value]));
}

/** Leaves out keys, whatever their case. */
function without(section: Section, keys: readonly string[]): Section {
  const out = new Set(keys.map((key) => key.toLowerCase()));
  return Object.fromEntries(Object.entries(section).filter(([key]) => !out.has(key.toLowerCase())));
}

function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The place in the file of a setting of the merged tree: under `defaults` if the client takes it from there.
 *
 * @param merged from `mergeDefaults`
 * @param tree as the file has it
 */
export function writtenKeys(
  keys: readonly PropertyKey[],
  mergedTree: unknown,
  tree: unknown,
): readonly PropertyKey[] {
  if (keys[0] !== 'clients' || keys.length < 3) return keys;
  let [inMerged, inTree] = [valueAt(mergedTree, keys.slice(0, 2)), valueAt(tree, keys.slice(0, 2))];
  for (const key of keys.slice(2)) {
    // What is missing is missing in the section around it, which is the client's own up to here.
    if (!hasOwn(inMerged, key)) return keys;
    if (!hasOwn(inTree, key)) return ['defaults', ...keys.slice(2)];
    [inMerged, inTree] = [valueAt(inMerged, [key]), valueAt(inTree, [key])];
  }
  return keys;
}

/** What stands at a place in a tree; undefined: nothing. */
export function valueAt(tree: unknown, keys: readonly PropertyKey[]): unknown {
  return keys.reduce((node, key) => (hasOwn(node, key) ? Object(node)[key] : undefined), tree);
}

function hasOwn(node: unknown, key: PropertyKey): boolean {
  return typeof node === 'object' && node !== null && Object.hasOwn(node, key);
}
