import { formatCount } from '../../core/quantity-text.ts';
import { neededFor, readPercentile, showPercentile } from '../../loadtest/confidence.ts';
import type { LatencyHistogram } from '../../loadtest/latency-histogram.ts';
import type { MadeProbe, ProbeView } from '../../loadtest/probe.ts';
import { showMs, showRate } from '../../loadtest/quantities.ts';
import { type Stage, showRates, showStage, stageAt, withWarmup } from '../../loadtest/schedule.ts';
import type { SecondRow } from '../../loadtest/timeline.ts';
import { canRedraw, createLiveScreen, type ScreenStream } from '../live-screen.ts';
import { sparkline } from '../terminal.ts';

/** Shows how a load test goes. */
export interface ProgressView {
  show(view: ProbeView, isOver: boolean): void;
  /** It was interrupted, and waits for what is in flight. */
  stopping(): void;
  end(): void;
}

/** For `--quiet`. */
export const NO_PROGRESS: ProgressView = { show: () => {}, stopping: () => {}, end: () => {} };

const STOPPING = 'stopping: waits 5 s at most for what is in flight; Ctrl-C again stops at once';
const LINE_EVERY_MS = 1_000;

/** A screen if the stream is a terminal; otherwise a line a second. */
export function openProgressView(stream: ScreenStream, frame: ScreenFrame): ProgressView {
  if (canRedraw(stream)) {
    const screen = createLiveScreen(stream);
    let note = '';
    return {
      show: (view) => screen.draw(screenLines(frame, view, performance.now(), screen.size().columns, note)),
      stopping() {
        note = STOPPING;
      },
      // What it came to is told below: a last frame above it would be stale.
      end() {
        screen.draw([]);
        screen.end();
      },
    };
  }
  let latest = Number.NEGATIVE_INFINITY;
  return {
    show(view, isOver) {
      const at = performance.now();
      if (view.label === 'preflight' || (at - latest < LINE_EVERY_MS && !isOver)) return;
      latest = at;
      stream.write(`${progressLine(view, at)}\n`);
    },
    stopping: () => void stream.write(`${STOPPING}\n`),
    end: () => {},
  };
}

/** What the screen shows beside what is being sent. */
interface ScreenFrame {
  /** Client, types and host. */
  readonly title: string;
  readonly objectives: readonly string[];
  readonly tokenRequests: LatencyHistogram;
  /** Whether events wait in a queue on their way. */
  readonly hasQueue: boolean;
  readonly probes: readonly MadeProbe[];
}

const BAR = 24;
/** The longest duration is `0.123 ms`. */
const WIDTH = 8;
const WIDTH_WITH_NAME = 'p99 '.length + WIDTH;
const UP_TO = '  up to '.length + WIDTH;
const MINUTE_S = 60;
const LATEST_PROBES = 6;

/**
 * The lines of the screen. What changes stands in places of the same width.
 *
 * @param now on the generator's clock
 * @param note stands in a line that is blank otherwise
 */
export function screenLines(
  frame: ScreenFrame,
  view: ProbeView,
  now: number,
  columns: number,
  note = '',
): string[] {
  const { response, service, queue, seconds } = view.recorder;
  return [
    `loadtest  ${frame.title}`,
    `objectives  ${frame.objectives.join(', ')}`,
    `${view.label.padEnd(9)} ${offerOf(view).padEnd(9)} ${progressBar(view, now)}`,
    ...stageLine(view, now),
    note,
    countsOf(view),
    `response  ${percentilesOf(response)}`,
    `service   ${percentilesOf(service)}`,
    ...(frame.hasQueue ? [`queue     ${percentilesOf(queue)}`] : []),
    slowestOf(seconds.rows.slice(-MINUTE_S), columns),
    `outcomes  ${outcomesOf(view)}`,
    `tokens    ${tokensOf(frame.tokenRequests)}`,
    generatorOf(view),
    ...probeLines(frame.probes),
  ];
}

function offerOf({ label, stages }: ProbeView): string {
  return label === 'preflight' ? 'one event' : showRates(stages);
}

/** The stage that is under way, by what it offers, if there are several. */
function stageLine(view: ProbeView, now: number): string[] {
  const { stages } = view;
  if (stages.length < 2) return [];
  const [stage, n] = stageOf(view, now);
  return [`stage     ${n === 0 ? 'warm-up' : `${n} of ${stages.length}`}: ${showStage(stage)}`];
}

/** The stage that is under way, counted from 1; 0 is the warm-up. */
function stageOf({ stages, warmupMs, recorder }: ProbeView, now: number) {
  const all = withWarmup(stages, warmupMs);
  const at = stageAt(all, now - recorder.startedAt);
  return [all[at] as Stage, at + 1 - (all.length - stages.length)] as const;
}

function countsOf({ recorder: { counts, inFlight, seconds } }: ProbeView): string {
  const shown = (value: number, width: number): string => formatCount(value).padEnd(width);
  return (
    `offered ${shown(counts.sent + counts.unsent, 7)}  sent ${shown(counts.sent, 7)}  ` +
    `in flight ${shown(inFlight, 6)}  unsent ${shown(counts.unsent, 7)}  now ${showRate(seconds.rows.at(-1)?.sent ?? 0)}`
  );
}

function generatorOf({ recorder }: ProbeView): string {
  const { lag } = recorder;
  const p99 = showPercentile(99, readPercentile(lag, 99)).padEnd(WIDTH_WITH_NAME);
  const busy = Math.round(recorder.utilisation() * 100);
  return `generator lag ${p99}  max ${showMs(lag.maxMs).padEnd(WIDTH)}  event loop ${busy} % busy`;
}

/** Each second's p99; or its slowest event, if a second has too few events for a p99. */
function slowestOf(rows: readonly SecondRow[], columns: number): string {
  const isCarried = rows.every((row) => row.response.p99 === null || percentileOf(row, 99) !== null);
  const name = isCarried ? 'p99' : 'max';
  const label = `${name} by second  `;
  const room = columns - label.length - UP_TO - 1;
  const values = rows.map(({ response }) => response[name]).slice(-Math.max(1, room));
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return label;
  return `${label}${sparkline(values)}  up to ${showMs(Math.max(...known))}`;
}

/** A percentile of a second, which rarely has events enough for a high one: null then. */
function percentileOf({ response, delivered, failed, unsent }: SecondRow, p: 50 | 99): number | null {
  return delivered + failed + unsent < neededFor(p) ? null : response[`p${p}`];
}

/** The same in one line, for a stream that is no terminal. */
export function progressLine(view: ProbeView, now: number): string {
  const { recorder } = view;
  const row = recorder.seconds.rows.at(-1);
  const elapsed = Math.max(0, Math.round((now - recorder.startedAt) / 1_000));
  return (
    `${view.label} ${showRates([stageOf(view, now)[0]])} ${elapsed} s: ` +
    `offered ${row?.offered ?? 0}, delivered ${row?.delivered ?? 0}, failed ${row?.failed ?? 0}, ` +
    `unsent ${row?.unsent ?? 0}, in flight ${recorder.inFlight}, ` +
    durationsOf(row)
  );
}

function durationsOf(row: SecondRow | undefined): string {
  const slowest = row?.response.max ?? null;
  if (row === undefined || slowest === null) return 'nothing ended';
  const shown = ([50, 99] as const).map((p) => showPercentile(p, percentileOf(row, p)));
  return `${shown.join(', ')}, max ${showMs(slowest)}`;
}

function progressBar({ recorder, schedule, warmupMs }: ProbeView, now: number): string {
  const elapsed = Math.min(schedule.durationMs, now - recorder.startedAt);
  const done = schedule.durationMs === 0 ? 1 : elapsed / schedule.durationMs;
  const full = Math.round(done * BAR);
  const seconds = (ms: number): string => `${Math.floor(ms / 1_000)} s`;
  const warming = elapsed < warmupMs ? '  warming up' : '';
  return `${'█'.repeat(full)}${'░'.repeat(BAR - full)}  ${seconds(elapsed)} of ${seconds(schedule.durationMs)}${warming}`;
}

/** The percentiles for which the sample is large enough. */
export function percentilesOf(histogram: LatencyHistogram): string {
  const of = (p: number): string => showPercentile(p, readPercentile(histogram, p)).padEnd(WIDTH_WITH_NAME);
  return `${[50, 95, 99].map(of).join('  ')}  max ${showMs(histogram.maxMs)}`;
}

function outcomesOf({ recorder }: ProbeView): string {
  const found = recorder.outcomes.list().map(({ outcome, status, count }) => {
    const what = status === 0 ? outcome : outcome === 'delivered' ? `${status}` : `${status} ${outcome}`;
    return `${what}: ${formatCount(count)}`;
  });
  return found.length === 0 ? 'none yet' : found.join('   ');
}

function tokensOf(requests: LatencyHistogram): string {
  if (requests.total === 0) return 'none asked for';
  return `${requests.total} asked for, the slowest in ${showMs(requests.maxMs)}`;
}

function probeLines(probes: readonly MadeProbe[]): string[] {
  const shown = probes.slice(-LATEST_PROBES).map(({ purpose, plannedRatePerSecond, verdict, reasons }) => {
    const rate = purpose === 'preflight' ? 'one event' : showRate(plannedRatePerSecond);
    const why = reasons.length === 0 ? '' : `  ${reasons.join('; ')}`;
    return `  ${purpose.padEnd(9)} ${rate.padStart(9)}  ${verdict}${why}`;
  });
  return shown.length === 0 ? [] : ['', 'probes', ...shown];
}
