import { formatCount, formatDuration } from '../../core/quantity-text.ts';
import { WaybillError } from '../../core/waybill-error.ts';
import { buildReport } from '../../loadtest/build-load-report.ts';
import { SendBudget } from '../../loadtest/generator.ts';
import { LatencyHistogram } from '../../loadtest/latency-histogram.ts';
import type { LoadReport, ReportPlan } from '../../loadtest/load-report.ts';
import type { Effects, LoadOutcome, MadeProbe } from '../../loadtest/probe.ts';
import { showRate } from '../../loadtest/quantities.ts';
import { showStage } from '../../loadtest/schedule.ts';
import { type LoadSender, openDirectSender } from '../../loadtest/senders/direct-sender.ts';
import { openEngineSender } from '../../loadtest/senders/engine-sender.ts';
import { SIGNAL_EXIT, stopSignal } from '../../service/lifecycle.ts';
import { VERSION } from '../../version.ts';
import { EXIT, exitCodeOf, UsageError } from '../run-command.ts';
import { confirm, type Terminal } from '../terminal.ts';
import type { LoadOptions } from './load-options.ts';
import { type Prepared, prepare } from './prepare.ts';
import { NO_PROGRESS, openProgressView, type ProgressView } from './progress-view.ts';
import { tellResult } from './tell-result.ts';

/** What is to be sent, and how. */
export interface Job {
  readonly kind: LoadReport['kind'];
  readonly plan: ReportPlan;
  readonly highestRate: number;
  /** All events that are sent: exactly, or at most in a search. */
  readonly total: number;
  readonly durationMs: number;
  carryOut(effects: Effects): Promise<LoadOutcome>;
}

/**
 * Plans a load test, asks whether to send it, and sends it.
 *
 * @returns the exit code
 * @throws UsageError
 */
export async function runLoadTest(
  terminal: Terminal,
  client: string,
  type: string,
  options: LoadOptions,
  plan: (prepared: Prepared) => Job,
): Promise<number> {
  const prepared = await prepare(client, type, options);
  try {
    const job = plan(prepared);
    const answer = await agree(terminal, prepared, job, options);
    return answer ?? (await carryOut(terminal, prepared, job, options));
  } finally {
    await prepared.close();
  }
}

/**
 * Shows what would be sent, or asks whether to send it.
 *
 * @returns undefined: go ahead; else the exit code
 * @throws UsageError if there is no terminal to ask on
 */
async function agree(
  terminal: Terminal,
  prepared: Prepared,
  { kind, plan, highestRate, total, durationMs }: Job,
  { dryRun, yes }: LoadOptions,
): Promise<number | undefined> {
  const { target } = prepared;
  const [most, within] = kind === 'find-limit' ? ['at most ', 'within'] : ['', 'over'];
  const where = `${hostOf(target.urls)} (${target.client}, ${target.types.join(' and ')})`;
  const sentence = `${most}${formatCount(total)} events at up to ${showRate(highestRate)}, ${within} ${formatDuration(durationMs)}, to ${where}`;
  if (dryRun === true) {
    const sample = prepared.nextEvent().body;
    terminal.value({ dryRun: true, target, plan, total, durationMs, sample: JSON.parse(sample) });
    terminal.line(`Would send ${sentence}`);
    if (kind === 'run') terminal.line(`load: ${plan.stages.map(showStage).join(', ')}`);
    terminal.line(`objectives: ${plan.objectives.join(', ')}; payloads ${plan.payloads}, such as`);
    terminal.verbatim(sample);
    return EXIT.done;
  }
  const agreed = yes === true || (await confirm(`Send ${sentence}?`));
  if (agreed === undefined) throw new UsageError(`--yes is needed to send ${sentence} without a terminal`);
  if (agreed) return undefined;
  terminal.value({ sent: 0 });
  terminal.line('Nothing was sent.');
  return EXIT.done;
}

/** Sends the job and reports it. Closes the sender, whose failure hides no measurement. */
async function carryOut(
  terminal: Terminal,
  prepared: Prepared,
  job: Job,
  options: LoadOptions,
): Promise<number> {
  const { kind, plan } = job;
  const startedAt = new Date().toISOString();
  const beganAt = performance.now();
  const tokenRequests = new LatencyHistogram();
  const probes: MadeProbe[] = [];
  const view = openView(prepared, plan, options, probes, tokenRequests);
  const interruption = new AbortController();
  void stopSignal(view.end).then((signal) => {
    view.stopping();
    interruption.abort(signal === 'SIGTERM' ? SIGNAL_EXIT.SIGTERM : SIGNAL_EXIT.SIGINT);
  });
  let isBroken = false;
  const sender = await openSender(prepared, plan, tokenRequests, () => {
    isBroken = true;
    interruption.abort(SIGNAL_EXIT.SIGINT);
  });
  let code: number;
  try {
    const effects: Effects = {
      send: sender.send,
      callOff: sender.callOff,
      nextEvent: prepared.nextEvent,
      budget: new SendBudget(job.total),
      now: () => performance.now(),
      wallNow: Date.now,
      interrupted: interruption.signal,
      onProgress: view.show,
      onProbe: (made) => probes.push(made),
    };
    const outcome = await job.carryOut(effects);
    view.end();
    const frame = { kind, ...frameOf(prepared, options), plan, startedAt, beganAt, tokenRequests };
    code = await tellResult(terminal, buildReport(frame, outcome), options);
  } catch (error) {
    view.end();
    // The first error says more than a failure to close that follows from it.
    await sender.close().catch(() => {});
    throw error;
  }
  return closeSender(terminal, sender, code, isBroken);
}

function frameOf({ runId, seed, target }: Prepared, options: LoadOptions) {
  const repeatable = options.seed === undefined ? ['--seed', String(seed)] : [];
  return {
    ...{ waybill: VERSION, runId, label: options.label, target },
    endedAt: new Date().toISOString(),
    command: commandLine([...process.argv.slice(2), ...repeatable]),
  };
}

/** Quotes the words for a shell. */
function commandLine(words: readonly string[]): string {
  const quoted = words.map((word) =>
    /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`,
  );
  return ['waybill', ...quoted].join(' ');
}

/**
 * Closes the sender; a failure is said beside the result.
 *
 * @param isBroken nothing could be sent any more, and the result is of what was sent until then
 * @returns the result's exit code; or the failure's, if the result was good or is not whole
 */
async function closeSender(
  terminal: Terminal,
  sender: LoadSender,
  code: number,
  isBroken: boolean,
): Promise<number> {
  try {
    await sender.close();
    return code;
  } catch (error) {
    terminal.note(`waybill: ${error instanceof Error ? error.message : String(error)}`);
    if (!isBroken && code !== EXIT.done) return code;
    return error instanceof WaybillError ? exitCodeOf(error.code) : EXIT.unexpected;
  }
}

function openSender(
  { config, runId, redis, client }: Prepared,
  { via, maxInFlight }: ReportPlan,
  tokenRequests: LatencyHistogram,
  onBroken: () => void,
): LoadSender | Promise<LoadSender> {
  const common = { client, runId, onTokenRequest: (ms: number) => tokenRequests.record(ms) };
  if (via === 'engine') return openEngineSender({ ...common, config, onBroken });
  return openDirectSender({ ...common, maxInFlight, redis, secretKey: config.secretKey, now: Date.now });
}

function openView(
  { target: { client, types, urls } }: Prepared,
  { via, objectives }: ReportPlan,
  { quiet, json }: LoadOptions,
  probes: readonly MadeProbe[],
  tokenRequests: LatencyHistogram,
): ProgressView {
  if (quiet === true) return NO_PROGRESS;
  const title = `${client}  ${types.join('+')}  ${hostOf(urls)}`;
  const frame = { title, objectives, tokenRequests, probes, hasQueue: via === 'engine' };
  // With --json, stdout is for the one value.
  return openProgressView(json === true ? process.stderr : process.stdout, frame);
}

function hostOf([url = '']: readonly string[]): string {
  return new URL(url).host;
}
