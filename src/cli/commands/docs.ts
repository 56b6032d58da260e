import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { didYouMean } from '../../core/near-miss.ts';
import { commandAction, EXIT, type GlobalOptions, UsageError } from '../run-command.ts';

/** `waybill docs [topic]`: prints a text of src/docs, or lists them. */
export function addDocsCommand(program: Command): void {
  program
    .command('docs')
    .argument('[topic]', 'the text to print; default: list the topics')
    .description('print a text on a topic: settings, error codes, recipes, promises and more')
    .action(
      commandAction(async (terminal, _options: GlobalOptions, topic?: string) => {
        const topics = readTopics();
        if (topic === undefined) {
          terminal.value(topics.map(({ name, summary }) => ({ topic: name, summary })));
          const width = Math.max(...topics.map(({ name }) => name.length)) + 2;
          for (const { name, summary } of topics) terminal.line(`${name.padEnd(width)}${summary}`);
          terminal.line('\n"waybill docs <topic>" prints one of them.');
          return EXIT.done;
        }
        const found = topics.find(({ name }) => name === topic);
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
    .sort()
    .map((file) => {
      // A test writes lists between comments.
      const text = readFileSync(join(directory, file), 'utf8').replace(/^<!--.*-->\n/gm, '');
      return { name: file.slice(0, -'.md'.length), summary: /^# (.+)$/m.exec(text)?.[1] ?? '', text };
    });
}
