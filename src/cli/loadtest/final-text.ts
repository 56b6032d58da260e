import { showMs, showRate, showShare } from '../../loadtest/quantities.ts';
import type { LoadReport, ReportDistribution, ReportProbe } from '../../loadtest/report.ts';
import { shownProbe } from '../../loadtest/shown-probe.ts';
import { formatCount, formatDuration } from '../terminal.ts';

/** What a load test came to, in about twelve lines for people. */
export function finalText(report: LoadReport, files: readonly string[]): string[] {
  const probe = shownProbe(report);
  return [
    `${report.result.verdict}: ${report.result.sentence}`,
    ...report.result.reasons.slice(0, 2).map((reason) => `  ${reason}`),
    `target      ${report.target.client} ${report.target.types.join('+')}  ${report.target.urls[0]}`,
    ...(probe === undefined ? [] : probeText(probe)),
    ...(report.kind === 'find-limit' ? [`probes      ${probesText(report)}`] : []),
    `tokens      ${report.tokenRequests.total} asked for`,
    ...recommendedText(report),
    ...(files.length === 0 ? [] : [`report      ${files.join(', ')}`]),
    `repeat      ${report.command}`,
  ];
}

function probeText(probe: ReportProbe): string[] {
  const { offered, sent, unsent, delivered, failed, generator } = probe;
  const seconds = probe.durationMs / 1_000;
  const reached = seconds > 0 ? `  ${showRate(delivered / seconds)} delivered` : '';
  return [
    `load        ${showRate(probe.ratePerSecond)} for ${showMs(probe.durationMs)}: ${formatCount(offered)} offered, ` +
      `${formatCount(sent)} sent, ${formatCount(unsent)} unsent`,
    `outcome     ${formatCount(delivered)} delivered, ${formatCount(failed)} failed${reached}${causes(probe)}`,
    `response    ${percentiles(probe.response)}`,
    `service     ${percentiles(probe.service)}`,
    ...(probe.queue === undefined ? [] : [`queue       ${percentiles(probe.queue)}`]),
    `generator   lag p99 ${showMs(generator.lagP99Ms)}, event loop ${showShare(generator.eventLoopUtilisation)} busy`,
  ];
}

function causes({ outcomes }: ReportProbe): string {
  const failures = outcomes.filter(({ outcome }) => outcome !== 'delivered');
  if (failures.length === 0) return '';
  const named = failures.map(({ outcome, status, count }) => `${status === 0 ? outcome : status} ${count}`);
  return ` (${named.join(', ')})`;
}

function percentiles({ percentiles: known, maxMs }: ReportDistribution): string {
  const shown = ['p50', 'p95', 'p99', 'p99.9'].map((name) => {
    const ms = known[name] ?? null;
    return `${name} ${ms === null ? 'n/a' : showMs(ms)}`;
  });
  return `${shown.join('  ')}  max ${showMs(maxMs)}`;
}

function probesText({ probes }: LoadReport): string {
  return probes
    .filter(({ purpose }) => purpose !== 'preflight')
    .map(({ ratePerSecond, verdict }) => `${showRate(ratePerSecond)} ${verdict}`)
    .join(', ');
}

function recommendedText({ recommended }: LoadReport): string[] {
  if (recommended === undefined) return [];
  const settings = recommended.settings.map(
    ({ setting, value, formula }) => `${setting}: ${value} (${formula})`,
  );
  return [`settings    ${settings.join(', ')}`, `drain       ${drainText(recommended.drain)}`];
}

function drainText({ ms, formula }: NonNullable<LoadReport['recommended']>['drain']): string {
  const time = Number.isFinite(ms) ? `drains in ${formatDuration(ms)}` : 'never drains';
  return `an outage of 10 minutes ${time} (${formula})`;
}
