import { showMs, showNumber, showRate, showShare } from '../quantities.ts';
import type { LoadReport } from '../report.ts';
import { html, type Markup, table } from './markup.ts';
import { count, percentile } from './sections.ts';

/** What to configure, and where each number comes from. */
export function settingsSection({ recommended, target }: LoadReport): Markup | undefined {
  if (recommended === undefined) return undefined;
  const { settings, drain } = recommended;
  const { ratePerSecond, concurrency, timeoutMs } = target;
  const present = { ratePerSecond, concurrency, timeoutMs };
  const rows = settings.map(({ setting, value, formula }) => [
    html`<code>${setting}</code>`,
    count(value),
    present[setting] === undefined ? 'none' : count(present[setting]),
    formula,
  ]);
  const yaml = settings.map(({ setting, value }) => `    ${setting}: ${value}`).join('\n');
  // Infinity is null once it was written as JSON.
  const endless = !Number.isFinite(drain.ms ?? Number.POSITIVE_INFINITY);
  const drained = endless ? 'never drains' : `takes ${minutes(drain.ms)} to drain`;
  return html`<h2>Settings</h2>
${table(['Setting', 'Value', 'At present', 'Formula'], rows, [1, 2])}
<pre>clients:
  ${target.client}:
${yaml}</pre>
<p class="faint">With ${showRate(drain.usualRatePerSecond)} arriving as usual, an outage of 10 minutes ${drained}: ${drain.formula}.</p>`;
}

/** Whether the generator could do what it was asked for. */
export function generatorSection({ probes, tokenRequests }: LoadReport): Markup | undefined {
  const real = probes.filter(({ purpose }) => purpose !== 'preflight');
  const rows = real.map(({ purpose, ratePerSecond, generator, lag, unsent, inFlight }) => [
    purpose,
    showRate(ratePerSecond),
    showShare(generator.sentShare),
    showMs(generator.lagP99Ms),
    showMs(lag.maxMs),
    showShare(generator.eventLoopUtilisation),
    count(unsent),
    showNumber(inFlight.lastThird),
  ]);
  const headings = ['Probe', 'Rate', 'Attended to', 'Lag p99', 'Lag max', 'Busy', 'Unsent', 'In flight'];
  const found = table(headings, rows, [1, 2, 3, 4, 5, 6, 7]);
  if (found === undefined) return undefined;
  const tokens =
    tokenRequests.total === 0
      ? 'No token was asked for.'
      : `Tokens were asked for outside of what is measured: ${count(tokenRequests.total)}, ` +
        `p50 ${percentile(tokenRequests, 'p50')}, max ${showMs(tokenRequests.maxMs)}.`;
  return html`<h2>The generator</h2>
${found}
<p class="faint">A run is inconclusive where less than 99 % of the plan was attended to, where lag p99 is more than 5 ms and 10 % of the shortest objective, or where the event loop was busy for more than 90 % of the time. ${tokens}</p>`;
}

/** What was asked for. */
export function planSection({ plan, target }: LoadReport): Markup {
  const stages = plan.stages.map(({ durationMs, fromRate, toRate }) => {
    const rates = fromRate === toRate ? showRate(fromRate) : `${showRate(fromRate)} to ${showRate(toRate)}`;
    return `${rates} for ${minutes(durationMs)}`;
  });
  const { search } = plan;
  const load =
    search === undefined
      ? stages.join(', ')
      : `from ${showRate(search.startRate)} to ${showRate(search.maxRate)} at most, within ${showShare(search.precision)}; ` +
        `probes of ${minutes(search.probeMs)}, ${minutes(search.confirmMs)} to confirm, ${minutes(search.budgetMs)} in all`;
  const rows: [string, string][] = [
    ['Load', load],
    ['Arrivals', `${plan.arrivals}, seed ${plan.seed}, warm-up ${minutes(plan.warmupMs)}`],
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
  return html`<h2>Plan</h2>${table(['What', 'How'], rows)}`;
}

/** What to type to do the same again. */
export function commandSection({ command }: LoadReport): Markup {
  return html`<h2>To repeat it</h2><pre>${command}</pre>`;
}

function minutes(ms: number): string {
  if (ms < 60_000) return showMs(ms);
  const all = Math.round(ms / 1_000);
  const [whole, seconds] = [Math.floor(all / 60), all % 60];
  return seconds === 0 ? `${whole} min` : `${whole} min ${seconds} s`;
}
