import type { Verdict } from '../find-limit/verdict.ts';
import {
  isQuotable,
  type LoadReport,
  type ReportDistribution,
  shownProbe,
  stagesOf,
  whyNotQuoted,
} from '../load-report.ts';
import { showMs, showNumber, showRate, showShare, showTime } from '../quantities.ts';
import { showRates, showStage } from '../schedule.ts';
import { badge, html, type Markup, table } from './markup.ts';

/** The target, and the result. */
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

/** The most important numbers. */
export function tiles(report: LoadReport): Markup | undefined {
  const probe = shownProbe(report);
  if (probe === undefined) return undefined;
  const { offered, delivered, durationMs, response, service, unsent, dropped } = probe;
  const seconds = durationMs / 1_000;
  const tile = (name: string, value: string, more: string): Markup =>
    html`<div><dt>${name}</dt><dd>${value}<small>${more}</small></dd></div>`;
  const durationTile = (name: string, of: ReportDistribution): Markup =>
    tile(`${name} p99`, percentile(of, 'p99'), `p50 ${percentile(of, 'p50')}, max ${showMs(of.maxMs)}`);
  const stages = stagesOf(report, probe);
  const plannedMs = stages.reduce((sum, stage) => sum + stage.durationMs, 0);
  const why = whyNotQuoted(probe);
  const limit = report.result.limit;
  return html`<dl class="tiles">
${limit === undefined || limit.kind === 'none' ? undefined : tile('limit', showRate(limit.ratePerSecond), kindOf(limit))}
${tile('offered', showRate(seconds > 0 ? offered / seconds : 0), `planned ${showRates(stages)} for ${showTime(plannedMs)}`)}
${tile('delivered', offered === 0 ? 'n/a' : showShare(delivered / offered), `${count(delivered)} of ${count(offered)}, ${count(unsent)} unsent${dropped === 0 ? '' : `, ${count(dropped)} called off`}`)}
${why === undefined ? [durationTile('response', response), durationTile('service', service)] : tile('response p99', '—', `not quoted: ${why}`)}
</dl>`;
}

/** Each objective, with the bounds that it was judged by. */
export function objectivesSection(report: LoadReport): Markup | undefined {
  const probe = shownProbe(report);
  // Durations that are not quoted say nothing about an objective either.
  const judged = probe !== undefined && isQuotable(probe) ? probe.objectives : [];
  const rows = judged.map(({ objective, verdict, found, share }) => [
    html`<code>${objective.text}</code>`,
    badge(verdict),
    found,
    share === undefined ? '' : `${count(share.against)} of ${count(share.of)}`,
    share === undefined ? '' : `${showShare(share.lower)} to ${showShare(share.upper)}`,
    objective.kind === 'rate' ? '' : showShare(objective.allowedShare),
  ]);
  const headings = ['Objective', 'Verdict', 'Found', 'Against it', 'Share, 95 % bounds', 'Allowed'];
  return table({ title: 'Objectives', headings, rows, numeric: [3, 4, 5] });
}

/** The run or the probes of a search, in their order. */
export function probesSection(report: LoadReport): Markup | undefined {
  const { probes } = report;
  const rows = probes.map((probe) => {
    const quoted = (value: string): string => (isQuotable(probe) ? value : '—');
    return [
      probe.purpose,
      showMs(probe.startMs),
      probe.purpose === 'preflight' ? '' : showRates(stagesOf(report, probe)),
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
  return table({
    title: 'Probes',
    headings: [...headings, 'Verdict'],
    rows,
    numeric: [1, 2, 3, 4, 5, 6, 7, 8],
    notes: probes.map(({ reasons }) => reasons.join('; ')),
  });
}

/** How the events of the probe with the most failures ended, with the first answer of each kind. */
export function outcomesSection(report: LoadReport): Markup | undefined {
  const ended = report.probes.filter(({ outcomes }) => outcomes.length > 0);
  const probe = ended.sort((a, b) => a.failed - b.failed).at(-1);
  if (probe === undefined) return undefined;
  const total = probe.outcomes.reduce((sum, outcome) => sum + outcome.count, 0);
  const rows = probe.outcomes.map(({ outcome, status, count: times, examples }) => [
    outcome,
    status === 0 ? 'none' : status,
    count(times),
    showShare(times / total),
    examples[0]?.response ? html`<code>${examples[0].response}</code>` : '',
  ]);
  const headings = ['Outcome', 'Status', 'Events', 'Share', 'The first of them was answered'];
  const title = `Outcomes at ${showRates(stagesOf(report, probe))}`;
  return table({ title, headings, rows, numeric: [2, 3] });
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

/** What to configure, and where each number comes from. */
export function settingsSection({ recommended, target }: LoadReport): Markup | undefined {
  if (recommended === undefined) return undefined;
  const { settings, drain } = recommended;
  const rows = settings.map(({ setting, value, formula }) => {
    const present = target[setting];
    return [
      html`<code>${setting}</code>`,
      count(value),
      present === undefined ? 'none' : count(present),
      formula,
    ];
  });
  const yaml = settings.map(({ setting, value }) => `    ${setting}: ${value}`).join('\n');
  const headings = ['Setting', 'Value', 'At present', 'Formula'];
  return html`${table({ title: 'Settings', headings, rows, numeric: [1, 2] })}
<pre>clients:
  ${target.client}:
${yaml}</pre>
<p class="faint">With ${showRate(drain.usualRatePerSecond)} arriving as usual, an outage of 10 minutes takes ${showTime(drain.ms)} to drain: ${drain.formula}.</p>`;
}

/** Whether the generator kept up. */
export function generatorSection(report: LoadReport): Markup | undefined {
  const { probes, tokenRequests } = report;
  const real = probes.filter(({ purpose }) => purpose !== 'preflight');
  const rows = real.map((probe) => [
    probe.purpose,
    showRates(stagesOf(report, probe)),
    showShare(probe.generator.sentShare),
    showMs(probe.generator.lagP99Ms),
    showMs(probe.lag.maxMs),
    showShare(probe.generator.eventLoopUtilisation),
    count(probe.unsent),
    showNumber(probe.inFlight.lastThird),
  ]);
  const headings = ['Probe', 'Rate', 'Attended to', 'Lag p99', 'Lag max', 'Busy', 'Unsent', 'In flight'];
  const found = table({ title: 'The generator', headings, rows, numeric: [1, 2, 3, 4, 5, 6, 7] });
  if (found === undefined) return undefined;
  const tokens =
    tokenRequests.total === 0
      ? 'No token was asked for.'
      : `Tokens were asked for outside of what is measured: ${count(tokenRequests.total)}, ` +
        `p50 ${percentile(tokenRequests, 'p50')}, max ${showMs(tokenRequests.maxMs)}.`;
  return html`${found}
<p class="faint">A run is inconclusive where less than 99 % of the plan was attended to, where lag p99 is more than 5 ms and 10 % of the shortest objective, or where the event loop was busy for more than 90 % of the time. ${tokens}</p>`;
}

/** The plan. */
export function planSection({ plan, target }: LoadReport): Markup | undefined {
  const { search } = plan;
  const load =
    search === undefined
      ? plan.stages.map(showStage).join(', ')
      : `from ${showRate(search.startRate)} to ${showRate(search.maxRate)} at most, within ${showShare(search.precision)}; ` +
        `probes of ${showTime(search.probeMs)}, ${showTime(search.confirmMs)} to confirm, ${showTime(search.budgetMs)} in all`;
  const rows: [string, string][] = [
    ['Load', load],
    ['Arrivals', `${plan.arrivals}, seed ${plan.seed}, warm-up ${showTime(plan.warmupMs)}`],
    ['Path', plan.via === 'direct' ? 'direct to the endpoint' : 'through the engine: intake, queue, workers'],
    [
      'Payloads',
      `${plan.payloads}${plan.duplicates > 0 ? `, ${showShare(plan.duplicates)} duplicates` : ''}`,
    ],
    ['Objectives', plan.objectives.join(', ')],
    ['In flight', `at most ${count(plan.maxInFlight)}; an arrival beyond that is not sent, and is a miss`],
    [
      'Client',
      `${target.auth}, timeout ${showMs(target.timeoutMs)}, concurrency ${count(target.concurrency)}`,
    ],
  ];
  return table({ title: 'Plan', headings: ['What', 'How'], rows });
}

/** A percentile for people. */
function percentile({ percentiles }: ReportDistribution, name: string): string {
  const ms = percentiles[name] ?? null;
  return ms === null ? 'n/a' : showMs(ms);
}

/** A number with its thousands apart. */
function count(value: number): string {
  return value.toLocaleString('en-US');
}

function momentOf(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ');
}
