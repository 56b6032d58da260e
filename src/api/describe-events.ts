import type { EventType } from '../core/event-type.ts';
import { EVENT_TYPES } from '../core/event-types.ts';
import { type JsonSchema, payloadSchema, typesOf } from '../core/payload-schema.ts';
import { wrapText } from '../core/wrap-text.ts';

const WIDTH = 80;

/** What an event type sends for its sample. */
export function sentSample({ schema, sample }: EventType): unknown {
  return schema.parse(sample);
}

/** What the text is called. */
export const EVENTS_HEADING = 'Every event type: its fields, and an example';

const INTRODUCTION = `# ${EVENTS_HEADING}

One event is one POST with one of these JSON objects as its body. A client's
endpoint has the path that stands here, unless its configuration has another.
"?" marks fields that may be missing. A producer may give a whole number where
text is due; it is sent as the text that it spells.
`;

/** The text of `waybill docs events`, in Markdown. */
export function describeEvents(): string {
  return [INTRODUCTION, ...EVENT_TYPES.map(describeEvent)].join('\n');
}

function describeEvent(type: EventType): string {
  const schema = payloadSchema(type.schema);
  const others = isClosed(schema) ? 'It has no fields beside these.' : 'Expect further fields.';
  const text = `${type.summary} \`POST ${type.path}\`. \`${type.unitField}\` is its unit, what it is about, and never empty. ${others}`;
  const rows = [...fieldRows(schema, '')];
  const left = Math.max(...rows.map(([field]) => field.length)) + 2;
  const fields = rows.flatMap(([field, note]) =>
    wrapText(note, WIDTH - left).map((line, n) => `${(n === 0 ? field : '').padEnd(left)}${line}`),
  );
  const json = JSON.stringify(sentSample(type), undefined, 2);
  const parts = [`## ${type.name}`, wrapText(text, WIDTH).join('\n'), fence('text', fields.join('\n'))];
  return `${[...parts, fence('json', json)].join('\n\n')}\n`;
}

function fence(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

/** A row for each field, those of inner objects below it and further to the right. */
function* fieldRows(
  { properties = {}, required = [] }: JsonSchema,
  indent: string,
): Generator<[string, string]> {
  for (const [name, field] of Object.entries(properties)) {
    if (typeof field === 'boolean') continue;
    yield [`${indent}${name}${required.includes(name) ? '' : ' ?'}`, noteOf(field)];
    yield* fieldRows(itemOf(field) ?? field, `${indent}  `);
  }
}

function itemOf({ items }: JsonSchema): JsonSchema | undefined {
  return typeof items === 'object' && !Array.isArray(items) ? items : undefined;
}

function isClosed(field: JsonSchema): boolean {
  return (itemOf(field) ?? field).additionalProperties === false;
}

function noteOf(field: JsonSchema): string {
  const { description, examples } = field;
  const orNull = typesOf(field).includes('null') ? '; or null' : '';
  const known = examples === undefined ? '' : `; known: ${(examples as string[]).join(', ')}`;
  const note = isClosed(field) ? (description ?? 'no other fields') : description;
  return `${kindOf(field)}${orNull}${note === undefined ? '' : `: ${note}`}${known}`;
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'whole number',
  number: 'number',
  boolean: 'true or false',
  object: 'object',
};

function kindOf(field: JsonSchema): string {
  const values = field.enum ?? field.anyOf?.find((option) => option.enum)?.enum;
  if (values?.length === 1) return `always ${values[0]}`;
  if (values !== undefined) return `one of ${values.join(', ')}`;
  const item = itemOf(field);
  if (item !== undefined) return `list of ${kindOf(item)}s`;
  const { minimum } = field;
  const kind = KINDS[typesOf(field)[0] ?? ''] ?? 'any JSON';
  return minimum === undefined || minimum < 0 ? kind : `${kind} from ${minimum}`;
}
