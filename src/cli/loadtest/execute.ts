import { writeFileSync } from 'node:fs';
import { stopSignal } from '../../lifecycle.ts';
import { buildReport, type ReportFrame } from '../../loadtest/build-report.ts';
import type { Effects } from '../../loadtest/drive.ts';
import { createLatencyHistogram, type LatencyHistogram } from '../../loadtest/latency-histogram.ts';
import type { LoadOutcome, MadeProbe } from '../../loadtest/outcome.ts';
import type { Recommendations } from '../../loadtest/recommend.ts';
import type { LoadReport, ReportPlan } from '../../loadtest/report.ts';
import { createSendBudget } from '../../loadtest/send-budget.ts';
import { openEngineSender } from '../../loadtest-engine.ts';
import { type LoadSender, openDirectSender } from '../../loadtest-sender.ts';
import { VERSION } from '../../version.ts';
import { UsageError } from '../run-command.ts';
import type { Terminal } from '../terminal.ts';
import { finalText } from './final-text.ts';
import type { LoadOptions } from './load-options.ts';
import type { Prepared } from './prepare.ts';
import { NO_PROGRESS, openProgressView } from './progress-view.ts';
import { describeTarget } from './target.ts';

/** A load test that somebody has agreed to. */
export interface Job {
  readonly kind: LoadReport['kind'];
  readonly prepared: Prepared;
  readonly options: LoadOptions;
  readonly plan: ReportPlan;
  /** For all that is sent. */
  readonly maxRequests: number;
  carryOut(effects: Effects, onProbe: (made: MadeProbe) => void): Promise<LoadOutcome>;
  recommend(outcome: LoadOutcome): Recommendations | undefined;
}

const SIGNAL_EXIT: Readonly<Record<string, number>> = { SIGTERM: 143 };
const INTERRUPTED = 130;

/** Carries a load test out, shows how it goes, and reports. @returns the exit code */
export async function execute(terminal: Terminal, job: Job): Promise<number> {
  const { prepared } = job;
  const startedAt = new Date().toISOString();
  const beganAt = performance.now();
  const tokenRequests = createLatencyHistogram();
  const probes: MadeProbe[] = [];
  const view = viewOf(job, probes, tokenRequests);
  const interrupted = new AbortController();
  let exitCode = INTERRUPTED;
  void stopSignal(view.end).then((signal) => {
    exitCode = SIGNAL_EXIT[signal] ?? INTERRUPTED;
    view.stopping();
    interrupted.abort();
  });
  const sender = await openSender(job, tokenRequests, () => interrupted.abort());
  let outcome: LoadOutcome;
  try {
    const effects: Effects = {
      send: sender.send,
      callOff: sender.callOff,
      nextEvent: prepared.payloads.next,
      budget: createSendBudget(job.maxRequests),
      now: () => performance.now(),
      wallNow: Date.now,
      interrupted: interrupted.signal,
      interruptedExitCode: () => exitCode,
      onProgress: view.show,
    };
    outcome = await job.carryOut(effects, (made) => probes.push(made));
  } finally {
    view.end();
    await sender.close();
  }
  return tell(terminal, job, outcome, { startedAt, beganAt, tokenRequests });
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
  const frame = { title, objectives: plan.objectives, tokenRequests, probes };
  // With --json, stdout is for the one value.
  const stream = options.json === true ? process.stderr : process.stdout;
  return openProgressView(stream, frame, () => performance.now());
}

async function tell(
  terminal: Terminal,
  { kind, prepared, options, plan, recommend }: Job,
  outcome: LoadOutcome,
  times: Pick<ReportFrame, 'startedAt' | 'beganAt' | 'tokenRequests'>,
): Promise<number> {
  const report = buildReport(
    {
      kind,
      waybill: VERSION,
      runId: prepared.runId,
      label: options.label,
      endedAt: new Date().toISOString(),
      command: commandLine([
        ...process.argv.slice(2),
        ...(options.seed === undefined ? ['--seed', String(prepared.seed)] : []),
      ]),
      target: describeTarget(prepared.target),
      plan,
      recommended: recommend(outcome),
      ...times,
    },
    outcome,
  );
  const files: string[] = [];
  if (options.report !== undefined) {
    write(options.report, `${JSON.stringify(report)}\n`);
    files.push(options.report);
  }
  if (options.html !== undefined) {
    const { renderHtml } = await import('../../loadtest/html-report.ts');
    write(options.html, renderHtml(report));
    files.push(options.html);
  }
  terminal.value(report);
  for (const line of finalText(report, files)) terminal.line(line);
  return report.result.exitCode;
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(`${file} cannot be written (${code ?? message})`);
  }
}

/** As it may be pasted into a shell. */
function commandLine(words: readonly string[]): string {
  const quoted = words.map((word) =>
    /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`,
  );
  return ['waybill', ...quoted].join(' ');
}
