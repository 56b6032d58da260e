import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { describeEvents, EVENTS_HEADING } from '../../api/describe-events.ts';
import { RECEIVER_HEADING, receiverOpenApi } from '../../api/receiver-openapi.ts';
import { configJsonSchema } from '../../config/json-schema.ts';
import { didYouMean } from '../../core/near-miss.ts';
import { commandAction, EXIT, type GlobalOptions, UsageError } from '../run-command.ts';
import type { Terminal } from '../terminal.ts';

interface Topic {
  readonly name: string;
  readonly summary: string;
  /** Markdown, or a value that is printed as JSON. */
  make(): string | object;
}

/** The topics that are made from settings and event types. */
const MADE: readonly Topic[] = [
  { name: 'events', summary: EVENTS_HEADING, make: describeEvents },
  { name: 'openapi-receiver', summary: RECEIVER_HEADING, make: receiverOpenApi },
  { name: 'schema', summary: 'A JSON Schema of waybill.yaml, for editors', make: configJsonSchema },
];

/** `waybill docs [topic]`: prints a topic, or lists them. */
export function addDocsCommand(program: Command): void {
  program
    .command('docs')
    .argument('[topic]', 'the text to print; default: list the topics')
    .description('print a text on a topic: settings, error codes, recipes, promises and more')
    .action(
      commandAction(async (terminal, _options: GlobalOptions, topic?: string) => {
        const topics = [...readTopics(), ...MADE].sort((one, other) => (one.name < other.name ? -1 : 1));
        if (topic === undefined) listTopics(terminal, topics);
        else printTopic(terminal, topics, topic);
        return EXIT.done;
      }),
    );
}

function listTopics(terminal: Terminal, topics: readonly Topic[]): void {
  terminal.value(topics.map(({ name, summary }) => ({ topic: name, summary })));
  const width = Math.max(...topics.map(({ name }) => name.length)) + 2;
  for (const { name, summary } of topics) terminal.line(`${name.padEnd(width)}${summary}`);
  terminal.line('\n"waybill docs <topic>" prints one of them.');
}

/** @throws UsageError if there is no such topic */
function printTopic(terminal: Terminal, topics: readonly Topic[], topic: string): void {
  const made = topics.find(({ name }) => name === topic)?.make();
  if (made === undefined) {
    const names = topics.map(({ name }) => name);
    const there = `there are: ${names.join(', ')}${didYouMean(topic, names)}`;
    throw new UsageError(`there is no topic "${topic}"; ${there}`);
  }
  terminal.value(typeof made === 'string' ? { topic, text: made } : made);
  terminal.verbatim(typeof made === 'string' ? made.trimEnd() : JSON.stringify(made, null, 2));
}

/** Reads the texts, in Markdown, from the package's own directory, which holds them beside dist/. */
function readTopics(): Topic[] {
  const manifest = createRequire(import.meta.url).resolve('waybill/package.json');
  const directory = join(dirname(manifest), 'src', 'docs');
  return readdirSync(directory)
    .filter((file) => file.endsWith('.md'))
    .map((file) => {
      // A test writes lists between comments.
      const text = readFileSync(join(directory, file), 'utf8').replace(/^<!--.*-->\n/gm, '');
      return { name: file.slice(0, -'.md'.length), summary: headingOf(text), make: () => text };
    });
}

function headingOf(text: string): string {
  return /^# (.+)$/m.exec(text)?.[1] ?? '';
}
