import type { Command } from 'commander';
import { lastFailure } from '../../core/dead-letter-filter.ts';
import { deadLetterDetail } from '../../dead-letters/dead-letter-value.ts';
import {
  type DeadLetter,
  findDeadLetters,
  type ReadDeadLetters,
} from '../../dead-letters/find-dead-letters.ts';
import { readDeadLetters } from '../../queue/dead-letter-queue.ts';
import { EXIT } from '../exit-codes.ts';
import { chooseClients, runWithOperator } from '../open-operator.ts';
import { type GlobalOptions, UsageError } from '../run-command.ts';
import { oneLine, type Terminal, visibleText } from '../terminal.ts';
import { attemptRows } from './attempt-rows.ts';

/** `waybill dead-letters show <id>` */
export function addDeadLettersShow(group: Command): void {
  group
    .command('show')
    .argument('<id>', "the event's id")
    .option('--client <name>', 'look at one client only')
    .description('show a dead letter: every attempt, the response, the payload')
    .action((id: string, _options, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { client?: string }>();
      return runWithOperator(options, async (terminal, { config, redis }) => {
        const read: ReadDeadLetters = (client, filter) => readDeadLetters(redis, client, filter);
        const names = chooseClients(config, options.client);
        for await (const [letter] of findDeadLetters(read, names, { id }, 1)) {
          if (letter !== undefined) show(terminal, letter);
          return EXIT.done;
        }
        throw new UsageError(`event ${id} is not among the dead letters of ${names.join(', ')}`);
      });
    });
}

function show(terminal: Terminal, { client, event }: DeadLetter): void {
  const value = deadLetterDetail({ client, event });
  terminal.value(value);
  const facts = [`client ${client}`, event.type, `unit ${oneLine(event.unit)}`, `replays ${event.life ?? 0}`];
  terminal.line(`${terminal.style('bold', event.id)}\n${facts.join('   ')}\n`);
  attemptRows(terminal, event);
  const { fieldErrors = [] } = value;
  if (fieldErrors.length > 0) {
    terminal.line('\nFields that the endpoint objected to');
    for (const { field, code } of fieldErrors) terminal.line(`  ${oneLine(`${field}: ${code}`)}`);
  }
  const heading = lastFailure(event).status === 0 ? 'No response' : 'Last response';
  terminal.line(`\n${heading}\n${indent(event.response || '(empty)')}`);
  terminal.line(`\nPayload\n${indent(JSON.stringify(JSON.parse(event.body), undefined, 2))}`);
}

/** Indents a text of lines. */
function indent(text: string): string {
  return visibleText(text)
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}
