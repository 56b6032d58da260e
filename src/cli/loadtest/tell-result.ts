import { writeFileSync } from 'node:fs';
import { formatCount, formatDuration } from '../../core/quantity-text.ts';
import { showPercentile } from '../../loadtest/confidence.ts';
import {
  isQuotable,
  type LoadReport,
  type ReportDistribution,
  type ReportProbe,
  showLoad,
  shownProbe,
  whyNotQuoted,
} from '../../loadtest/load-report.ts';
import { showMs, showRate, showShare } from '../../loadtest/quantities.ts';
import { EXIT } from '../run-command.ts';
import type { Terminal } from '../terminal.ts';
import type { LoadOptions } from './load-options.ts';

/**
 * Writes the reports that were asked for, and prints the result, even if a report could not be written.
 *
 * @returns the result's exit code; if that is good but a report could not be written, the one of a wrong flag
 */
export async function tellResult(
  terminal: Terminal,
  report: LoadReport,
  options: LoadOptions,
): Promise<number> {
  const { files, problems } = await writeFiles(report, options);
  terminal.value(report);
  for (const line of finalText(report, files)) {
    // A command is pasted as it is.
    if (line.startsWith('repeat ')) terminal.verbatim(line);
    else terminal.line(...toBreak(line));
  }
  for (const problem of problems) terminal.note(`waybill: ${problem}`);
  const { exitCode } = report.result;
  return problems.length > 0 && exitCode === EXIT.done ? EXIT.usage : exitCode;
}

/** What a line begins with has so much room: `objectives  `. */
const LABEL_WIDTH = 12;

/** A line of the result as a narrow terminal may break it, and what its further lines begin with. */
export function toBreak(line: string): [text: string, hang: number | string] {
  const comment = line.search(/(?<= {2})# /);
  // Settings are pasted: a comment goes on as a comment.
  if (comment > 0) return [line, `${' '.repeat(comment - line.search(/\S/))}# `];
  const hasFigures = /^(response|service|queue|probes) /.test(line);
  return [hasFigures ? line.replace(/(?<=[^\s,:]) (?=\S)/g, '\u00a0') : line, LABEL_WIDTH];
}

/** @returns the files that were written, and a sentence for each that could not be */
async function writeFiles(report: LoadReport, { report: json, html }: LoadOptions) {
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

/** The result for people, usually in twelve lines. */
export function finalText(report: LoadReport, files: readonly string[]): string[] {
  const { kind, target, command } = report;
  const probe = shownProbe(report);
  return [
    ...resultText(report),
    `target      ${target.client} ${target.types.join('+')}  ${target.urls[0]}`,
    `objectives  ${objectivesText(report, probe)}`,
    ...(probe === undefined ? [] : probeText(report, probe)),
    ...(kind === 'find-limit' ? [`probes      ${probesText(report)}`] : []),
    ...recommendedText(report),
    // A report has the command as well.
    files.length === 0 ? `repeat      ${command}` : `report      ${files.join(', ')}`,
  ];
}

const MOST_REASONS = 2;

/** The verdict and its first reasons, none of them twice. */
function resultText({ result: { verdict, sentence, reasons } }: LoadReport): string[] {
  const more = reasons.filter((reason) => !sentence.includes(reason)).slice(0, MOST_REASONS);
  const headline = sentence.startsWith(verdict) ? sentence : `${verdict}: ${sentence}`;
  return [headline, ...more.map((reason) => `  ${reason}`)];
}

/** Each objective with what was found, if it was judged and can be quoted. */
function objectivesText({ plan }: LoadReport, probe: ReportProbe | undefined): string {
  if (probe === undefined || probe.objectives.length === 0 || !isQuotable(probe)) {
    return plan.objectives.join(', ');
  }
  return probe.objectives
    .map(({ objective, verdict, found }) => `${objective.text} ${verdict} (${found})`)
    .join(', ');
}

function probeText(report: LoadReport, probe: ReportProbe): string[] {
  const why = whyNotQuoted(probe);
  const { response, service, queue, generator } = probe;
  const durations = [
    `response    ${percentiles(response)}`,
    `service     ${percentiles(service)}`,
    ...(queue === undefined ? [] : [`queue       ${percentiles(queue)}`]),
  ];
  // The generator of a search that found a limit was fit.
  const isFit = report.kind === 'find-limit' && report.result.exitCode === 0;
  const busy = `event loop ${showShare(generator.eventLoopUtilisation)} busy`;
  return [
    loadText(report, probe),
    ...(why === undefined ? durations : [`response    not quoted: ${why}`]),
    ...(isFit ? [] : [`generator   lag p99 ${showMs(generator.lagP99Ms)}, ${busy}`]),
  ];
}

/** Nothing for a client that needs no tokens. */
function tokensText({ target, tokenRequests: { total } }: LoadReport): string {
  const asks = target.auth === 'oauth2' || target.auth === 'token_service';
  return asks || total > 0 ? `; ${formatCount(total)} token${total === 1 ? '' : 's'} asked for` : '';
}

function loadText(report: LoadReport, probe: ReportProbe): string {
  const { durationMs, sent, unsent, dropped, delivered, failed } = probe;
  const reached = durationMs > 0 ? ` (${showRate((delivered * 1_000) / durationMs)})` : '';
  return (
    `load        ${showLoad(report, probe)}: ${formatCount(sent)} sent, ` +
    (unsent === 0 ? '' : `${formatCount(unsent)} unsent, `) +
    (dropped === 0 ? '' : `${formatCount(dropped)} called off, `) +
    `${formatCount(delivered)} delivered${reached}, ${formatCount(failed)} failed${causes(probe)}${tokensText(report)}`
  );
}

function causes({ outcomes }: ReportProbe): string {
  const failures = outcomes.filter(({ outcome }) => outcome !== 'delivered');
  if (failures.length === 0) return '';
  const named = failures.map(({ outcome, status, count }) => `${status === 0 ? outcome : status} ${count}`);
  return ` (${named.join(', ')})`;
}

/** Up to the first percentile that the sample is too small for. */
function percentiles({ percentiles: known, maxMs }: ReportDistribution): string {
  const named = [50, 95, 99, 99.9].map((p) => [p, known[`p${p}`]] as const);
  const unknown = named.findIndex(([, ms]) => ms == null);
  const shown = named.slice(0, unknown === -1 ? named.length : unknown + 1);
  return `${shown.map(([p, ms]) => showPercentile(p, ms)).join('  ')}  max ${showMs(maxMs)}`;
}

function probesText({ probes }: LoadReport): string {
  return probes
    .filter(({ purpose }) => purpose !== 'preflight')
    .map(({ ratePerSecond, verdict }) => `${showRate(ratePerSecond)} ${verdict}`)
    .join(', ');
}

/** One setting per line, to be pasted, with its formula as a comment. */
function recommendedText({ recommended }: LoadReport): string[] {
  if (recommended === undefined) return [];
  const settings = recommended.settings.map(({ setting, value, formula }, index) => {
    const label = index === 0 ? 'settings' : '';
    return `${label.padEnd(LABEL_WIDTH)}${`${setting}: ${value}`.padEnd(22)}# ${formula}`;
  });
  const { ms, usualRatePerSecond } = recommended.drain;
  const usual = `where ${showRate(usualRatePerSecond)} usually arrive`;
  return [...settings, `drain       ${usual}, an outage of 10 minutes drains in ${formatDuration(ms)}`];
}
