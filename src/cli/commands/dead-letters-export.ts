import type { Command } from 'commander';
import { toExportLine } from '../../core/exported-event.ts';
import type { DeadLetter } from '../../dead-letters/find-dead-letters.ts';
import { type ExportOutput, exportToFile, exportToStdout } from '../export-output.ts';
import { type Operator, operatorAction } from '../open-operator.ts';
import { withProgress } from '../progress.ts';
import { EXIT, untilInterrupted } from '../run-command.ts';
import { formatCount, type Terminal } from '../terminal.ts';
import { type FilterOptions, findMatching, withFilters } from './dead-letter-filters.ts';

type ExportOptions = FilterOptions & { readonly output?: string };

/** `waybill dead-letters export` */
export function addDeadLettersExport(group: Command): void {
  withFilters(
    group
      .command('export')
      .description('write dead letters as NDJSON, oldest first; "send --from-export" takes them back'),
  )
    .option('--output <file>', 'a new file to write to; default: stdout')
    .action(operatorAction(exportAll));
}

async function exportAll(terminal: Terminal, operator: Operator, options: ExportOptions): Promise<number> {
  const { output: file } = options;
  const pages = findMatching(operator, options);
  const output = file === undefined ? exportToStdout() : await exportToFile(file);
  try {
    return await untilInterrupted(async (signal) => {
      const exported = await writeAll(pages, output, signal);
      if (signal.aborted) {
        const what = file === undefined ? 'the rest was not written' : 'no file was written';
        terminal.note(`Interrupted: ${what}.`);
        return EXIT.interrupted;
      }
      await output.finish();
      if (file === undefined) terminal.note(`${formatCount(exported)} exported.`);
      else {
        terminal.value({ exported, file });
        terminal.line(`${formatCount(exported)} exported to ${file}.`);
      }
      return EXIT.done;
    });
  } finally {
    await output.abandon();
  }
}

/** Writes page by page: at most one waits to be written. */
function writeAll(
  pages: AsyncIterable<readonly DeadLetter[]>,
  output: ExportOutput,
  signal: AbortSignal,
): Promise<number> {
  return withProgress('exported', undefined, async (update) => {
    let exported = 0;
    for await (const page of pages) {
      if (signal.aborted) break;
      await output.write(page.map(({ client, event }) => toExportLine(client, event)).join(''));
      exported += page.length;
      update(exported);
    }
    return exported;
  });
}
