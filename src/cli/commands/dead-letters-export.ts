import type { Command } from 'commander';
import { toExportLine } from '../../core/exported-event.ts';
import { findDeadLetters, type ReadDeadLetters } from '../../dead-letters/find-dead-letters.ts';
import { readDeadLetters } from '../../queue/dead-letter-queue.ts';
import { EXIT } from '../exit-codes.ts';
import { type ExportOutput, exportToFile, exportToStdout } from '../export-output.ts';
import { chooseClients, type Operator, runWithOperator } from '../open-operator.ts';
import { openProgress } from '../progress.ts';
import { formatCount, type Terminal } from '../terminal.ts';
import { type FilterOptions, withFilters } from './filter-options.ts';

type ExportOptions = FilterOptions & { readonly output?: string };

/** `waybill dead-letters export` */
export function addDeadLettersExport(group: Command): void {
  withFilters(
    group
      .command('export')
      .description('write dead letters as NDJSON, oldest first; "send --from-export" takes them back'),
  )
    .option('--output <file>', 'a new file to write to; default: stdout')
    .action((_options, command: Command) => {
      const options = command.optsWithGlobals<ExportOptions>();
      return runWithOperator(options, (terminal, operator) => exportAll(terminal, operator, options));
    });
}

async function exportAll(terminal: Terminal, operator: Operator, options: ExportOptions): Promise<number> {
  const { output: file } = options;
  const clients = chooseClients(operator.config, options.client);
  const output = file === undefined ? exportToStdout() : await exportToFile(file);
  const stopping = new AbortController();
  const onSignal = (): void => stopping.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    const exported = await writeAll(operator, clients, options, output, stopping.signal);
    if (stopping.signal.aborted) {
      terminal.note(
        `Interrupted: ${file === undefined ? 'the rest was not written' : 'no file was written'}.`,
      );
      return EXIT.interrupted;
    }
    await output.finish();
    if (file === undefined) terminal.note(`${formatCount(exported)} exported.`);
    else tellFile(terminal, exported, file);
    return EXIT.done;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    await output.abandon();
  }
}

/** Page by page: what waits to be written is never more than one. */
async function writeAll(
  { redis }: Operator,
  clients: readonly string[],
  options: ExportOptions,
  output: ExportOutput,
  signal: AbortSignal,
): Promise<number> {
  const progress = openProgress('exported', undefined);
  let exported = 0;
  try {
    const read: ReadDeadLetters = (client, filter) => readDeadLetters(redis, client, filter);
    for await (const page of findDeadLetters(read, clients, options, options.limit)) {
      if (signal.aborted) break;
      await output.write(page.map(({ client, event }) => toExportLine(client, event)).join(''));
      exported += page.length;
      progress.update(exported);
    }
    return exported;
  } finally {
    progress.stop();
  }
}

function tellFile(terminal: Terminal, exported: number, file: string): void {
  terminal.value({ exported, file });
  terminal.line(`${formatCount(exported)} exported to ${file}.`);
}
