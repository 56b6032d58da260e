import { WaybillError } from '../../core/waybill-error.ts';
import type { MadeProbe } from '../../loadtest/build-load-report.ts';
import { createSendBudget } from '../../loadtest/generator.ts';
import { createLatencyHistogram, type LatencyHistogram } from '../../loadtest/latency-histogram.ts';
import type { Effects } from '../../loadtest/probe.ts';
import { type LoadSender, openDirectSender } from '../../loadtest/senders/direct-sender.ts';
import { openEngineSender } from '../../loadtest/senders/engine-sender.ts';
import { SIGNAL_EXIT, stopSignal } from '../../service/lifecycle.ts';
import { EXIT, exitCodeOf } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';
import type { Job } from './job.ts';
import { NO_PROGRESS, openProgressView, type ProgressView } from './progress-view.ts';
import { describeTarget } from './target.ts';
import { tellResult } from './tell-result.ts';

/**
 * Carries a load test out, shows how it goes, and tells what came of it before anything is closed: what was measured
 * is not lost for what goes wrong after it.
 *
 * @returns the exit code
 */
export async function execute(terminal: Terminal, job: Job): Promise<number> {
  const startedAt = new Date().toISOString();
  const beganAt = performance.now();
  const tokenRequests = createLatencyHistogram();
  const probes: MadeProbe[] = [];
  const view = viewOf(job, probes, tokenRequests);
  const interruption = onSignal(view);
  let isBroken = false;
  const sender = await openSender(job, tokenRequests, () => {
    isBroken = true;
    interruption.abort();
  });
  let code: number;
  try {
    const effects = effectsOf(job, sender, interruption, view);
    const outcome = await job.carryOut(effects, (made) => probes.push(made));
    view.end();
    code = await tellResult(terminal, job, outcome, { startedAt, beganAt, tokenRequests });
  } catch (error) {
    view.end();
    // What went wrong first says more than what cannot be closed for it.
    await sender.close().catch(() => {});
    throw error;
  }
  return closeSender(terminal, sender, code, isBroken);
}

/** How a load test is ended from outside. */
interface Interruption {
  readonly signal: AbortSignal;
  abort(): void;
  exitCode(): number;
}

function onSignal(view: ProgressView): Interruption {
  const controller = new AbortController();
  let exitCode: number = SIGNAL_EXIT.SIGINT;
  void stopSignal(view.end).then((signal) => {
    if (signal === 'SIGTERM') exitCode = SIGNAL_EXIT.SIGTERM;
    view.stopping();
    controller.abort();
  });
  return { signal: controller.signal, abort: () => controller.abort(), exitCode: () => exitCode };
}

function effectsOf(
  { prepared, maxRequests }: Job,
  { send, callOff }: LoadSender,
  { signal, exitCode }: Interruption,
  view: ProgressView,
): Effects {
  return {
    send,
    callOff,
    nextEvent: prepared.payloads.next,
    budget: createSendBudget(maxRequests),
    now: () => performance.now(),
    wallNow: Date.now,
    interrupted: signal,
    interruptedExitCode: exitCode,
    onProgress: view.show,
  };
}

/**
 * Closes what the events were sent with; where that fails, it is said beside the result.
 *
 * @param isBroken nothing could be sent any more, and the result is of what was sent until then
 * @returns the result's exit code, or the failure's where the result was not bad itself, or is not whole
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

/** Opens the way that the plan asks for. */
function openSender(
  { prepared, plan }: Job,
  tokenRequests: LatencyHistogram,
  onBroken: () => void,
): LoadSender | Promise<LoadSender> {
  const { config, runId, redis } = prepared;
  const { client } = prepared.target;
  const onTokenRequest = (ms: number): void => tokenRequests.record(ms);
  if (plan.via === 'engine') return openEngineSender({ config, client, runId, onTokenRequest, onBroken });
  const { maxInFlight } = plan;
  const { secretKey } = config;
  return openDirectSender({ client, runId, maxInFlight, redis, secretKey, onTokenRequest });
}

function viewOf({ prepared, options, plan }: Job, probes: MadeProbe[], tokenRequests: LatencyHistogram) {
  if (options.quiet === true) return NO_PROGRESS;
  const { client, types, urls } = describeTarget(prepared.target);
  const title = `${client}  ${types.join('+')}  ${new URL(urls[0] ?? '').host}`;
  const hasQueue = plan.via === 'engine';
  const frame = { title, objectives: plan.objectives, tokenRequests, probes, hasQueue };
  // With --json, stdout is for the one value.
  const stream = options.json === true ? process.stderr : process.stdout;
  return openProgressView(stream, frame, () => performance.now());
}
