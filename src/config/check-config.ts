import type { z } from 'zod';
import { didYouMean } from '../core/near-miss.ts';
import type { ConfigIssue } from './config-error.ts';

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a section of settings',
  record: 'a section of settings',
  array: 'a list',
};

/**
 * Holds what a file says against a schema. No text from the file is repeated in an issue but for keys, since any
 * text may be a secret that stands in the wrong place.
 *
 * @returns the value with its defaults filled in; undefined: `issues` is everything that is wrong with it
 */
export function checkTree<Schema extends z.ZodType>(
  schema: Schema,
  tree: unknown,
): { readonly value: z.output<Schema> | undefined; readonly issues: readonly ConfigIssue[] } {
  const { data: value, error } = schema.safeParse(tree, { error: sentenceFor });
  const issues = (error?.issues ?? []).flatMap(withinUnion).flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [{ keys: issue.path, message: issue.message }];
    const known = issue.message.split(' ');
    return issue.keys.map((key) => ({
      keys: [...issue.path, key],
      message: `is not a known setting${didYouMean(key, known)}`,
    }));
  });
  return { value, issues };
}

/** What is wrong with the form of a value that its kind suggests, if there are several: a text, or a section. */
function withinUnion(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue];
  const isOfOtherKind = (issues: z.core.$ZodIssue[]): boolean =>
    issues.some(({ code, path }) => code === 'invalid_type' && path.length === 0);
  const meant = issue.errors.find((issues) => !isOfOtherKind(issues));
  if (meant === undefined) return [issue];
  return meant.map((one) => ({ ...one, path: [...issue.path, ...one.path] }));
}

function sentenceFor(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return typeSentence(issue.expected, issue.input);
    case 'too_small':
      return `must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}, found ${issue.input}`;
    case 'too_big':
      return `must be at most ${issue.maximum}, found ${issue.input}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    case 'invalid_union':
      return issue.errors.length > 0 ? kindsSentence(issue) : discriminatorSentence(issue);
    case 'invalid_key':
      return issue.issues[0]?.message;
    case 'unrecognized_keys':
      // Only here, before zod strips it, does an issue tell its schema: the known keys stand for a sentence.
      return Object.keys((issue.inst as z.core.$ZodObject | undefined)?._zod.def.shape ?? {}).join(' ');
    default:
      return undefined;
  }
}

function typeSentence(expected: string, input: unknown): string {
  const wanted = EXPECTED[expected] ?? `of type ${expected}`;
  if (input === undefined) return 'is required';
  if (typeof input === 'number' && wanted !== 'text') return `must be ${wanted}, found ${input}`;
  const found = `must be ${wanted}, found ${kindOf(input)}`;
  if (input === null) return `${found}: give it a value or leave the key out`;
  return wanted === 'text' && typeof input !== 'object' ? `${found}: put it in quotes` : found;
}

/** Of a value that is of none of the kinds that it may be. */
function kindsSentence({ errors, input }: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidUnion>): string {
  const roots = errors.flat().filter(({ path }) => path.length === 0);
  const kinds = roots.flatMap((issue) => (issue.code === 'invalid_type' ? [EXPECTED[issue.expected]] : []));
  return `must be ${kinds.join(' or ')}, found ${kindOf(input)}`;
}

function discriminatorSentence({ options, discriminator, input }: z.core.$ZodRawIssue): string {
  const known = (options as readonly unknown[]).filter((option) => option !== undefined);
  const choice = `one of ${known.join(', ')}`;
  const given = Object(input)[String(discriminator)];
  return given === undefined ? `is required: ${choice}` : `must be ${choice}`;
}

/** Names only the kind of a value: the value itself may be a secret. */
function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (value === null) return 'nothing';
  return typeof value === 'object' ? 'a section' : (EXPECTED[typeof value] ?? 'no value of YAML');
}
