import type { ProbeView } from '../../loadtest/drive.ts';
import type { LatencyHistogram } from '../../loadtest/latency-histogram.ts';
import type { MadeProbe } from '../../loadtest/outcome.ts';
import { readPercentile, showPercentile } from '../../loadtest/percentiles.ts';
import { showMs, showRate } from '../../loadtest/quantities.ts';
import { formatCount } from '../terminal.ts';

/** What the screen shows beside what is being sent. */
export interface ScreenFrame {
  /** Client, types and host. */
  readonly title: string;
  readonly objectives: readonly string[];
  readonly tokenRequests: LatencyHistogram;
  readonly probes: readonly MadeProbe[];
}

const BAR = 24;
const MINUTE_S = 60;
const LATEST_PROBES = 6;
const BLOCKS = '▁▂▃▄▅▆▇█';

/** The lines of the screen; `now` on the generator's clock. */
export function screenLines(frame: ScreenFrame, view: ProbeView, now: number): string[] {
  const { recorder } = view.probe;
  const { sent, unsent } = recorder.counts;
  const { rows, lag, response, service } = recorder;
  return [
    `loadtest  ${frame.title}`,
    `objectives  ${frame.objectives.join(', ')}`,
    `${view.label}  ${showRate(view.plannedRatePerSecond)}  ${progressBar(view, now)}`,
    '',
    `offered ${formatCount(sent + unsent)}   sent ${formatCount(sent)}   in flight ${formatCount(recorder.inFlight)}   ` +
      `unsent ${formatCount(unsent)}   now ${showRate(rows.at(-1)?.sent ?? 0)}`,
    `response  ${percentilesOf(response)}`,
    `service   ${percentilesOf(service)}`,
    ...(recorder.queue.total === 0 ? [] : [`queue     ${percentilesOf(recorder.queue)}`]),
    `p99, last minute  ${sparkline(rows.slice(-MINUTE_S).map((row) => row.response.p99))}`,
    `outcomes  ${outcomesOf(view)}`,
    `tokens    ${tokensOf(frame.tokenRequests)}`,
    `gen. lag  ${percentilesOf(lag)}`,
    ...probeLines(frame.probes),
  ];
}

/** The same in one line, for what is no terminal. */
export function progressLine(view: ProbeView, now: number): string {
  const { recorder } = view.probe;
  const row = recorder.rows.at(-1);
  const elapsed = Math.max(0, Math.round((now - view.probe.startedAt) / 1_000));
  return (
    `${view.label} ${showRate(view.plannedRatePerSecond)} ${elapsed} s: ` +
    `offered ${row?.offered ?? 0}, delivered ${row?.delivered ?? 0}, failed ${row?.failed ?? 0}, ` +
    `unsent ${row?.unsent ?? 0}, in flight ${recorder.inFlight}, ` +
    `p50 ${msOrNone(row?.response.p50)}, p99 ${msOrNone(row?.response.p99)}`
  );
}

function msOrNone(ms: number | null | undefined): string {
  return ms === null || ms === undefined ? '-' : showMs(ms);
}

function progressBar({ probe, schedule, warmupMs }: ProbeView, now: number): string {
  const elapsed = Math.min(schedule.durationMs, now - probe.startedAt);
  const done = schedule.durationMs === 0 ? 1 : elapsed / schedule.durationMs;
  const full = Math.round(done * BAR);
  const seconds = (ms: number): string => `${Math.floor(ms / 1_000)} s`;
  const warming = elapsed < warmupMs ? '  warming up' : '';
  return `${'█'.repeat(full)}${'░'.repeat(BAR - full)}  ${seconds(elapsed)} of ${seconds(schedule.durationMs)}${warming}`;
}

/** Some percentiles, each where the sample carries it. */
export function percentilesOf(histogram: LatencyHistogram): string {
  const of = (p: number): string => `p${p} ${showPercentile(readPercentile(histogram, p))}`;
  return `${[50, 95, 99].map(of).join('  ')}  max ${showMs(histogram.maxMs)}`;
}

function outcomesOf({ probe }: ProbeView): string {
  const found = probe.recorder.outcomes().map(({ outcome, status, count }) => {
    const what = status === 0 ? outcome : outcome === 'delivered' ? `${status}` : `${status} ${outcome}`;
    return `${what}: ${formatCount(count)}`;
  });
  return found.length === 0 ? 'none yet' : found.join('   ');
}

function tokensOf(requests: LatencyHistogram): string {
  if (requests.total === 0) return 'none asked for';
  return `${requests.total} asked for, the slowest in ${showMs(requests.maxMs)}`;
}

/** A value for each second, from the lowest to the highest of them; a space where there is none. */
export function sparkline(values: readonly (number | null)[]): string {
  const known = values.flatMap((value) => (value === null ? [] : [value]));
  if (known.length === 0) return '';
  const highest = Math.max(...known);
  const drawn = values.map((value) => {
    if (value === null) return ' ';
    const share = highest === 0 ? 0 : value / highest;
    return BLOCKS[Math.min(BLOCKS.length - 1, Math.floor(share * BLOCKS.length))];
  });
  return `${drawn.join('')}  up to ${showMs(highest)}`;
}

function probeLines(probes: readonly MadeProbe[]): string[] {
  const shown = probes.slice(-LATEST_PROBES).map(probeLine);
  return shown.length === 0 ? [] : ['', 'probes', ...shown];
}

/** One line for a probe that was made. */
export function probeLine({ purpose, probed, verdict, reasons }: MadeProbe): string {
  const rate = purpose === 'preflight' ? 'one event' : showRate(probed.observation.plannedRatePerSecond);
  const why = reasons[0] === undefined ? '' : `  ${reasons[0]}`;
  return `  ${purpose.padEnd(9)} ${rate.padStart(9)}  ${verdict}${why}`;
}
