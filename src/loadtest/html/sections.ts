import { showMs, showRate, showShare } from '../quantities.ts';
import type { LoadReport, ReportDistribution, ReportProbe } from '../report.ts';
import type { Verdict } from '../search.ts';
import { isQuotable, shownProbe, whyNotQuoted } from '../shown-probe.ts';
import { html, type Markup, table } from './markup.ts';

type Tone = 'good' | 'bad' | 'doubt';

const TONES: Readonly<Record<string, Tone>> = { met: 'good', missed: 'bad', stopped: 'bad', declared: 'bad' };
const COUNTED = new Intl.NumberFormat('en-US');

/** What was tested, and what came of it. */
export function headSection(report: LoadReport): Markup {
  const { target, result, label, startedAt, endedAt, runId, waybill } = report;
  const sentence = result.limit?.sentence ?? result.sentence;
  const reasons = result.reasons.filter((reason) => reason !== sentence);
  const what = report.kind === 'run' ? 'Load test' : 'Search for the limit';
  return html`<header>
<h1>${what}: ${target.client}, ${target.types.join(' + ')}</h1>
<p class="faint">${target.urls.join(', ')}</p>
<p class="faint">${label === undefined ? '' : `${label} · `}${momentOf(startedAt)} to ${momentOf(endedAt)} UTC · run ${runId} · Waybill ${waybill}</p>
<p class="verdict">${badge(result.verdict)} ${sentence}</p>
${reasons.map((reason) => html`<p>${reason}</p>`)}
</header>`;
}

/** The numbers to look at first. */
export function tiles(report: LoadReport): Markup | undefined {
  const probe = shownProbe(report);
  if (probe === undefined) return undefined;
  const { offered, delivered, durationMs, response, service, ratePerSecond, unsent, dropped } = probe;
  const seconds = durationMs / 1_000;
  const tile = (name: string, value: string, more: string): Markup =>
    html`<div><dt>${name}</dt><dd>${value}<small>${more}</small></dd></div>`;
  const durationTile = (name: string, of: ReportDistribution): Markup =>
    tile(`${name} p99`, percentile(of, 'p99'), `p50 ${percentile(of, 'p50')}, max ${showMs(of.maxMs)}`);
  const why = whyNotQuoted(probe);
  const limit = report.result.limit;
  return html`<dl class="tiles">
${limit === undefined || limit.kind === 'none' ? undefined : tile('limit', showRate(limit.ratePerSecond), kindOf(limit))}
${tile('offered', showRate(seconds > 0 ? offered / seconds : 0), `planned ${showRate(ratePerSecond)} for ${showMs(durationMs)}`)}
${tile('delivered', offered === 0 ? 'n/a' : showShare(delivered / offered), `${count(delivered)} of ${count(offered)}, ${count(unsent)} unsent${dropped === 0 ? '' : `, ${count(dropped)} called off`}`)}
${why === undefined ? [durationTile('response', response), durationTile('service', service)] : tile('response p99', '—', `not quoted: ${why}`)}
</dl>`;
}

/** Each objective, with the bounds that it was judged by. */
export function objectivesSection(report: LoadReport): Markup | undefined {
  const probe = shownProbe(report);
  // What was found where nothing is to be quoted says nothing about the objective either.
  const judged = probe !== undefined && isQuotable(probe) ? probe.objectives : [];
  const rows = judged.map(({ objective, verdict, found, share }) => [
    html`<code>${objective.text}</code>`,
    badge(verdict),
    found,
    share === undefined ? '' : `${count(share.against)} of ${count(share.of)}`,
    share === undefined ? '' : `${showShare(share.lower)} to ${showShare(share.upper)}`,
    objective.kind === 'rate' ? '' : showShare(objective.allowedShare),
  ]);
  const found = table(
    ['Objective', 'Verdict', 'Found', 'Against it', 'Share, 95 % bounds', 'Allowed'],
    rows,
    [3, 4, 5],
  );
  return found && html`<h2>Objectives</h2>${found}`;
}

/** The run or the probes of a search, in their order. */
export function probesSection({ probes }: LoadReport): Markup | undefined {
  const rows = probes.map((probe) => {
    const quoted = (value: string): string => (isQuotable(probe) ? value : '—');
    return [
      probe.purpose,
      showMs(probe.startMs),
      probe.purpose === 'preflight' ? '' : showRate(probe.ratePerSecond),
      showMs(probe.durationMs),
      count(probe.offered),
      probe.offered === 0 ? 'n/a' : showShare(probe.delivered / probe.offered),
      quoted(percentile(probe.response, 'p50')),
      quoted(percentile(probe.response, 'p99')),
      quoted(percentile(probe.service, 'p99')),
      badge(probe.verdict),
    ];
  });
  const headings = ['Probe', 'At', 'Rate', 'Length', 'Offered', 'Delivered', 'p50', 'p99', 'Service p99'];
  const found = table(
    [...headings, 'Verdict'],
    rows,
    [1, 2, 3, 4, 5, 6, 7, 8],
    probes.map(({ reasons }) => reasons.join('; ')),
  );
  return found && html`<h2>Probes</h2>${found}`;
}

/** How events ended, with what the endpoint said to the first of each kind. */
export function outcomesSection(report: LoadReport): Markup | undefined {
  const probe = failingProbe(report);
  const total = (probe?.outcomes ?? []).reduce((sum, outcome) => sum + outcome.count, 0);
  const rows = (probe?.outcomes ?? []).map(({ outcome, status, count: times, examples }) => [
    outcome,
    status === 0 ? 'none' : status,
    count(times),
    showShare(times / total),
    html`<code>${examples[0]?.response ?? ''}</code>`,
  ]);
  const found = table(
    ['Outcome', 'Status', 'Events', 'Share', 'The first of them was answered'],
    rows,
    [2, 3],
  );
  if (probe === undefined || found === undefined) return undefined;
  return html`<h2>Outcomes at ${showRate(probe.ratePerSecond)}</h2>${found}`;
}

/** The probe with the most failures is the one to learn from. */
function failingProbe({ probes }: LoadReport): ReportProbe | undefined {
  return probes.reduce<ReportProbe | undefined>((worst, probe) => {
    if (probe.outcomes.length === 0) return worst;
    return worst === undefined || probe.failed >= worst.failed ? probe : worst;
  }, undefined);
}

function kindOf(limit: Exclude<Verdict, { kind: 'none' }>): string {
  switch (limit.kind) {
    case 'limit':
      return `not met at ${showRate(limit.missedAt)}`;
    case 'at-least':
      return limit.confirmed ? 'at least' : 'at least, not confirmed';
    case 'rate-limited':
      return `declared by the endpoint (${limit.status})`;
  }
}

/** A verdict with its colour: never by the colour alone. */
export function badge(verdict: string): Markup {
  return html`<span class="badge ${TONES[verdict] ?? 'doubt'}">${verdict}</span>`;
}

/** A percentile for people. */
export function percentile({ percentiles }: ReportDistribution, name: string): string {
  const ms = percentiles[name] ?? null;
  return ms === null ? 'n/a' : showMs(ms);
}

/** A number with its thousands apart. */
export function count(value: number): string {
  return COUNTED.format(value);
}

function momentOf(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ');
}
