import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The root of the repository, with a slash at its end. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A file of the repository. */
export function readRepository(path: string): string {
  return readFileSync(`${ROOT}${path}`, 'utf8');
}

/** The topics of `waybill docs` that are files. */
export const TOPICS: readonly string[] = readdirSync(`${ROOT}src/docs`)
  .filter((file) => file.endsWith('.md'))
  .map((file) => file.slice(0, -'.md'.length));

/** Those that are made when they are asked for. */
export const MADE_TOPICS = ['events', 'openapi-receiver', 'schema'];

/** The text of a topic. */
export function readTopic(topic: string): string {
  return readRepository(`src/docs/${topic}.md`);
}

/** README and every topic, by their path. */
export const TEXTS: readonly (readonly [path: string, text: string])[] = [
  'README.md',
  ...TOPICS.map((topic) => `src/docs/${topic}.md`),
].map((path) => [path, readRepository(path)]);

/** The part of a text from a heading to the next one of the same level. */
export function sectionOf(text: string, heading: string): string {
  return text.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
}

/** The rows of the tables in a text, without their heads, as cells. */
export function rowsOf(text: string): string[][] {
  return text.split(/\n(?!\|)/).flatMap((part) =>
    part
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .map((line) => line.split('|').map((cell) => cell.trim()))
      .map((cells) => cells.slice(1, -1))
      .slice(2),
  );
}

/** What stands between backticks. */
export function codeIn(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
}

/** The names at the beginning of the items of a list: - `name`: text */
export function itemsOf(text: string): string[] {
  return [...text.matchAll(/^- `([^`]+)`/gm)].map(([, name = '']) => name);
}

/** Every TypeScript source below src/, by its path there. */
export function sources(): [path: string, text: string][] {
  return readdirSync(`${ROOT}src`, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => [path, readRepository(`src/${path}`)]);
}
