import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { configJsonSchema } from '../../config/json-schema.ts';
import { didYouMean } from '../../core/near-miss.ts';
import { commandAction, EXIT, type GlobalOptions, UsageError } from '../run-command.ts';

/** The topic that is no text, but made from the settings. */
const SCHEMA = { name: 'schema', summary: 'A JSON Schema of waybill.yaml, for editors' };

/** `waybill docs [topic]`: prints a text of src/docs or the JSON Schema, or lists them. */
export function addDocsCommand(program: Command): void {
  program
    .command('docs')
    .argument('[topic]', 'the text to print; default: list the topics')
    .description('print a text on a topic: settings, error codes, recipes, promises and more')
    .action(
      commandAction(async (terminal, _options: GlobalOptions, topic?: string) => {
        if (topic === SCHEMA.name) {
          const schema = configJsonSchema();
          terminal.value(schema);
          terminal.line(JSON.stringify(schema, null, 2));
          return EXIT.done;
        }
        const texts = readTopics();
        const topics = [...texts, SCHEMA].sort((one, other) => (one.name < other.name ? -1 : 1));
        if (topic === undefined) {
          terminal.value(topics.map(({ name, summary }) => ({ topic: name, summary })));
          const width = Math.max(...topics.map(({ name }) => name.length)) + 2;
          for (const { name, summary } of topics) terminal.line(`${name.padEnd(width)}${summary}`);
          terminal.line('\n"waybill docs <topic>" prints one of them.');
          return EXIT.done;
        }
        const found = texts.find(({ name }) => name === topic);
        if (found === undefined) {
          const names = topics.map(({ name }) => name);
          const there = `there are: ${names.join(', ')}${didYouMean(topic, names)}`;
          throw new UsageError(`there is no topic "${topic}"; ${there}`);
        }
        terminal.value({ topic, text: found.text });
        terminal.line(found.text.trimEnd());
        return EXIT.done;
      }),
    );
}

/** Reads the texts, in Markdown, from the package's own directory, which holds them beside dist/. */
function readTopics() {
  const manifest = createRequire(import.meta.url).resolve('waybill/package.json');
  const directory = join(dirname(manifest), 'src', 'docs');
  return readdirSync(directory)
    .filter((file) => file.endsWith('.md'))
    .map((file) => {
      // A test writes lists between comments.
      const text = readFileSync(join(directory, file), 'utf8').replace(/^<!--.*-->\n/gm, '');
      return { name: file.slice(0, -'.md'.length), summary: /^# (.+)$/m.exec(text)?.[1] ?? '', text };
    });
}
