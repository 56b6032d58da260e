import { writeFileSync } from 'node:fs';
import { buildReport, type LoadOutcome, type ReportFrame } from '../../loadtest/build-load-report.ts';
import type { LoadReport } from '../../loadtest/load-report.ts';
import { VERSION } from '../../version.ts';
import { EXIT } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';
import { finalText } from './final-text.ts';
import type { Job } from './job.ts';
import type { LoadOptions } from './load-options.ts';
import { describeTarget } from './target.ts';

/**
 * Writes the reports that were asked for, and says what came of the load test, whether they could be written or not.
 *
 * @returns the result's exit code; where all is well but a report could not be written, that of a wrong flag
 */
export async function tellResult(
  terminal: Terminal,
  { kind, prepared, options, plan, recommend }: Job,
  outcome: LoadOutcome,
  times: Pick<ReportFrame, 'startedAt' | 'beganAt' | 'tokenRequests'>,
): Promise<number> {
  const report = buildReport(
    {
      kind,
      waybill: VERSION,
      runId: prepared.runId,
      label: options.label,
      endedAt: new Date().toISOString(),
      command: commandLine([
        ...process.argv.slice(2),
        ...(options.seed === undefined ? ['--seed', String(prepared.seed)] : []),
      ]),
      target: describeTarget(prepared.target),
      plan,
      recommended: recommend(outcome),
      ...times,
    },
    outcome,
  );
  const { files, problems } = await writeFiles(report, options);
  terminal.value(report);
  for (const line of finalText(report, files)) terminal.line(line);
  for (const problem of problems) terminal.note(`waybill: ${problem}`);
  const { exitCode } = report.result;
  return problems.length > 0 && exitCode === EXIT.done ? EXIT.usage : exitCode;
}

interface Written {
  readonly files: readonly string[];
  /** A sentence for each file that could not be written. */
  readonly problems: readonly string[];
}

async function writeFiles(report: LoadReport, { report: json, html }: LoadOptions): Promise<Written> {
  const files: string[] = [];
  const problems: string[] = [];
  const write = async (file: string, textOf: () => string | Promise<string>): Promise<void> => {
    try {
      writeFileSync(file, await textOf());
      files.push(file);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      problems.push(`${file} cannot be written (${code ?? message})`);
    }
  };
  if (json !== undefined) await write(json, () => `${JSON.stringify(report)}\n`);
  if (html !== undefined) {
    await write(html, async () => (await import('../../loadtest/html/page.ts')).renderHtml(report));
  }
  return { files, problems };
}

/** As it may be pasted into a shell. */
function commandLine(words: readonly string[]): string {
  const quoted = words.map((word) =>
    /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`,
  );
  return ['waybill', ...quoted].join(' ');
}
