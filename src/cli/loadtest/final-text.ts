import { readNamedPercentile, showPercentile } from '../../loadtest/confidence.ts';
import {
  isQuotable,
  type LoadReport,
  type ReportDistribution,
  type ReportProbe,
  shownProbe,
  whyNotQuoted,
} from '../../loadtest/load-report.ts';
import { showMs, showRate, showShare } from '../../loadtest/quantities.ts';
import { formatCount, formatDuration } from '../terminal.ts';

/** What a load test came to, in twelve lines for people where nothing is out of the ordinary. */
export function finalText(report: LoadReport, files: readonly string[]): string[] {
  const probe = shownProbe(report);
  return [
    headline(report),
    ...reasonsText(report),
    `target      ${report.target.client} ${report.target.types.join('+')}  ${report.target.urls[0]}`,
    `objectives  ${objectivesText(report, probe)}`,
    ...(probe === undefined
      ? []
      : [loadText(report, probe), ...durationsText(probe), ...generatorText(report, probe)]),
    ...(report.kind === 'find-limit' ? [`probes      ${probesText(report)}`] : []),
    ...recommendedText(report),
    // A report has the command as well.
    files.length === 0 ? `repeat      ${report.command}` : `report      ${files.join(', ')}`,
  ];
}

/** A sentence that begins with its verdict is not told it twice. */
function headline({ result: { verdict, sentence } }: LoadReport): string {
  return sentence.startsWith(verdict) ? sentence : `${verdict}: ${sentence}`;
}

const MOST_REASONS = 2;

function reasonsText({ result: { sentence, reasons } }: LoadReport): string[] {
  return reasons
    .filter((reason) => !sentence.includes(reason))
    .slice(0, MOST_REASONS)
    .map((reason) => `  ${reason}`);
}

/** Each with what was found; where nothing was judged, or what was found is not quoted, as they were asked for. */
function objectivesText({ plan }: LoadReport, probe: ReportProbe | undefined): string {
  if (probe === undefined || probe.objectives.length === 0 || !isQuotable(probe))
    return plan.objectives.join(', ');
  return probe.objectives
    .map(({ objective, verdict, found }) => `${objective.text} ${verdict} (${found})`)
    .join(', ');
}

/** Those of a client that asks for none are not worth a word. */
function tokensText({ target, tokenRequests: { total } }: LoadReport): string {
  const asks = target.auth === 'oauth2' || target.auth === 'token_service';
  return asks || total > 0 ? `; ${formatCount(total)} token${total === 1 ? '' : 's'} asked for` : '';
}

function loadText(report: LoadReport, probe: ReportProbe): string {
  const { ratePerSecond, durationMs, sent, unsent, dropped, delivered, failed } = probe;
  const reached = durationMs > 0 ? ` (${showRate((delivered * 1_000) / durationMs)})` : '';
  return (
    `load        ${showRate(ratePerSecond)} for ${showMs(durationMs)}: ${formatCount(sent)} sent, ` +
    (unsent === 0 ? '' : `${formatCount(unsent)} unsent, `) +
    (dropped === 0 ? '' : `${formatCount(dropped)} called off, `) +
    `${formatCount(delivered)} delivered${reached}, ${formatCount(failed)} failed${causes(probe)}${tokensText(report)}`
  );
}

/** Of a search that found what it sought, the generator was fit: its state is worth no line. */
function generatorText({ kind, result }: LoadReport, { generator }: ReportProbe): string[] {
  if (kind === 'find-limit' && result.exitCode === 0) return [];
  const { lagP99Ms, eventLoopUtilisation } = generator;
  return [`generator   lag p99 ${showMs(lagP99Ms)}, event loop ${showShare(eventLoopUtilisation)} busy`];
}

function durationsText(probe: ReportProbe): string[] {
  const why = whyNotQuoted(probe);
  if (why !== undefined) return [`response    not quoted: ${why}`];
  return [
    `response    ${percentiles(probe.response)}`,
    `service     ${percentiles(probe.service)}`,
    ...(probe.queue === undefined ? [] : [`queue       ${percentiles(probe.queue)}`]),
  ];
}

function causes({ outcomes }: ReportProbe): string {
  const failures = outcomes.filter(({ outcome }) => outcome !== 'delivered');
  if (failures.length === 0) return '';
  const named = failures.map(({ outcome, status, count }) => `${status === 0 ? outcome : status} ${count}`);
  return ` (${named.join(', ')})`;
}

/** Up to the first one that the sample does not carry: those above it need more still. */
function percentiles({ percentiles: known, maxMs }: ReportDistribution): string {
  const read = [50, 95, 99, 99.9].map((p) => [p, readNamedPercentile(known, p)] as const);
  const unknown = read.findIndex(([, percentile]) => !percentile.known);
  const shown = unknown === -1 ? read : read.slice(0, unknown + 1);
  const texts = shown.map(([p, percentile]) => `p${p} ${showPercentile(percentile)}`);
  return `${texts.join('  ')}  max ${showMs(maxMs)}`;
}

function probesText({ probes }: LoadReport): string {
  return probes
    .filter(({ purpose }) => purpose !== 'preflight')
    .map(({ ratePerSecond, verdict }) => `${showRate(ratePerSecond)} ${verdict}`)
    .join(', ');
}

/** A setting a line, to be pasted; what it was come to by stands behind it as a comment. */
function recommendedText({ recommended }: LoadReport): string[] {
  if (recommended === undefined) return [];
  const settings = recommended.settings.map(
    ({ setting, value, formula }, index) =>
      `${index === 0 ? 'settings' : ''}`.padEnd(INDENT) +
      `${setting}: ${value}`.padEnd(SETTING) +
      `# ${formula}`,
  );
  return [...settings, `drain       ${drainText(recommended.drain)}`];
}

const INDENT = 12;
const SETTING = 22;

function drainText({ ms, usualRatePerSecond }: NonNullable<LoadReport['recommended']>['drain']): string {
  const time = Number.isFinite(ms) ? `drains in ${formatDuration(ms)}` : 'never drains';
  return `where ${showRate(usualRatePerSecond)} usually arrive, an outage of 10 minutes ${time}`;
}
