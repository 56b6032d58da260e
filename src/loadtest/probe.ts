import type { FailureClass } from '../core/attempt-result.ts';
import type { StoredEvent } from '../core/event.ts';
import { parseRetryAfter } from '../core/retry-after.ts';
import { type Attended, Generator, type SendBudget, type SendEvent } from './generator.ts';
import type { Judgement } from './judge.ts';
import type { ReportProbe, ReportResult } from './load-report.ts';
import type { DeclaredLimit, Observation } from './observation.ts';
import { Recorder } from './recorder.ts';
import {
  type ArrivalOptions,
  createSchedule,
  highestRate,
  type Schedule,
  type Stage,
  withWarmup,
} from './schedule.ts';

/** The world outside, as a load test needs it. */
export interface Effects {
  readonly send: SendEvent;
  /** Calls off the requests in flight. */
  callOff(): void;
  nextEvent(): StoredEvent;
  /** Of all that is sent; once it is used up, a guard stops the current probe. */
  readonly budget: SendBudget;
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** Milliseconds since the epoch. */
  wallNow(): number;
  /** The user ends it, and what was measured is reported. Its reason: the exit code, 128 and the signal. */
  readonly interrupted: AbortSignal;
  /** Called at the beginning, twice a second and at the end. */
  onProgress(view: ProbeView, isOver: boolean): void;
  /** Called with each probe of a search once it is judged. */
  onProbe(made: MadeProbe): void;
}

/** What is sent, and how. */
export interface ProbePlan extends ArrivalOptions {
  readonly label: string;
  /** Without the warm-up. */
  readonly stages: readonly Stage[];
  readonly warmupMs: number;
  readonly maxInFlight: number;
  readonly timeoutMs: number;
}

/** A run or probe under way: its progress is shown, and rules stop it. */
export interface ProbeView extends ProbePlan {
  readonly plannedRatePerSecond: number;
  /** With the warm-up. */
  readonly schedule: Schedule;
  readonly recorder: Recorder;
}

/** Why a probe is to end before its time. */
export interface Stop {
  /** `guard`: nothing more is to be sent at all. `overload`: not at this rate. */
  readonly kind: 'guard' | 'overload' | 'interrupted';
  readonly why: string;
}

/** Asked twice a second; `undefined`: go on. */
export type StopRule = (view: ProbeView) => Stop | undefined;

/** What a probe came to. */
export interface Probed extends ProbeView {
  readonly observation: Observation;
  readonly stopped: Stop | undefined;
}

/** A run or probe, and how it was judged. */
export interface MadeProbe extends Probed, Judgement {
  readonly purpose: ReportProbe['purpose'];
}

/** All that a load test sent, and what came of it. */
export interface LoadOutcome {
  readonly probes: readonly MadeProbe[];
  readonly result: ReportResult;
}

const ASK_EVERY_MS = 500;
/** After an interruption, the requests in flight have this long to end. */
const INTERRUPTED_MS = 5_000;

/** Sends the events of a plan, and observes them. Ends early if the rule says so, or at an interruption. */
export async function runProbe(plan: ProbePlan, effects: Effects, rule: StopRule): Promise<Probed> {
  const { stages, warmupMs, timeoutMs } = plan;
  const { send, nextEvent, budget, now, onProgress } = effects;
  const schedule = createSchedule(withWarmup(stages, warmupMs), plan);
  const { durationMs } = schedule;
  const recorder = new Recorder({ startedAt: now(), warmupMs, durationMs, timeoutMs });
  const view = { ...plan, plannedRatePerSecond: highestRate(stages), schedule, recorder };
  const most = budget.most.toLocaleString('en-US');
  let stopped: Stop | undefined;
  const generator = new Generator({
    ...{ arrivals: schedule, maxInFlight: plan.maxInFlight, recorder, send, nextEvent, budget, now },
    onSpent: () => stop({ kind: 'guard', why: `all ${most} requests that may be sent were sent` }),
  });
  const stop = (by: Stop): void => {
    stopped ??= by;
    recorder.endPlan();
    generator.stop();
  };
  const unhook = onInterrupt(effects, () => stop({ kind: 'interrupted', why: 'interrupted' }));
  onProgress(view, false);
  const timer = setInterval(() => {
    onProgress(view, false);
    const by = stopped === undefined ? rule(view) : undefined;
    if (by !== undefined) stop(by);
  }, ASK_EVERY_MS);
  try {
    const attended = await generator.done;
    recorder.seconds.close();
    const cutShort = attended.stoppedAtMs === undefined ? undefined : stopped?.why;
    const observation = { ...observe(view, attended, effects.wallNow()), cutShort };
    // The rule has not seen the failures of the last half second.
    stopped ??= rule(view);
    return { ...view, observation, stopped };
  } finally {
    clearInterval(timer);
    unhook();
    onProgress(view, true);
  }
}

/** Sends one event alone, and judges whether the endpoint takes it at all. */
export async function preflight(
  { seed, timeoutMs }: Pick<ProbePlan, 'seed' | 'timeoutMs'>,
  effects: Effects,
): Promise<MadeProbe> {
  const stages = [{ durationMs: 1, fromRate: 1_000, toRate: 1_000 }];
  const alone = { label: 'preflight', stages, warmupMs: 0, maxInFlight: 1, arrivals: 'constant' } as const;
  const probed = await runProbe({ ...alone, seed, timeoutMs }, effects, () => undefined);
  const reasons = probed.observation.delivered === 1 ? [] : [whyFailed(probed.recorder)];
  const verdict = reasons.length === 0 ? 'met' : 'missed';
  return { ...probed, purpose: 'preflight', objectives: [], verdict, reasons };
}

function whyFailed({ outcomes }: Recorder): string {
  const [ended] = outcomes.list();
  if (ended === undefined) return 'the first event had no outcome';
  const { outcome, status, examples } = ended;
  const how = status === 0 ? outcome : `${outcome}, status ${status}`;
  const said = examples[0]?.response.replace(/\s+/g, ' ').trim() ?? '';
  return `the first event was not delivered (${how})${said && `: ${said}`}`;
}

/** Calls back at an interruption, or at once after one; a little later the requests in flight are called off. */
function onInterrupt({ interrupted, callOff }: Effects, callback: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const act = (): void => {
    callback();
    timer = setTimeout(callOff, INTERRUPTED_MS);
  };
  if (interrupted.aborted) act();
  else interrupted.addEventListener('abort', act, { once: true });
  return () => {
    clearTimeout(timer);
    interrupted.removeEventListener('abort', act);
  };
}

/** Sums up a run or probe that is over. `wallNow`: ms since the epoch. */
function observe(view: ProbeView, attended: Attended, wallNow: number): Observation {
  const { recorder, schedule, warmupMs, plannedRatePerSecond } = view;
  const { response, service, lag, trace } = recorder;
  const { sent, unsent, delivered } = recorder.counts;
  const endMs = attended.stoppedAtMs ?? schedule.durationMs;
  const offered = sent + unsent + attended.missed;
  // A backlog grows from the first event on: without the warm-up, its last third would be less than 1.5 times the middle.
  const third = (n: number): number => trace.mean(((n - 1) * endMs) / 3, (n * endMs) / 3);
  return {
    plannedRatePerSecond,
    durationMs: Math.max(0, endMs - warmupMs),
    ...{ offered, sent, unsent, delivered, response, service, lag },
    ...countOutcomes(recorder),
    inFlight: { middleThird: third(2), lastThird: third(3) },
    declaredLimit: declaredLimitOf(view, wallNow),
    generator: {
      sentShare: offered === 0 ? 1 : Math.max(0, 1 - attended.behind / offered),
      lagP99Ms: lag.percentileMs(99),
      eventLoopUtilisation: recorder.utilisation(),
    },
  };
}

function countOutcomes({ outcomes }: Recorder): Pick<Observation, 'byStatus' | 'byFailureClass'> {
  const byStatus: Record<string, number> = {};
  const byFailureClass: Partial<Record<FailureClass, number>> = {};
  for (const { outcome, status, count } of outcomes.list()) {
    // Our proxy's is none of the endpoint's.
    if (status !== 0 && outcome !== 'proxy') byStatus[status] = (byStatus[status] ?? 0) + count;
    if (outcome !== 'delivered') byFailureClass[outcome] = (byFailureClass[outcome] ?? 0) + count;
  }
  return { byStatus, byFailureClass };
}

function declaredLimitOf({ recorder, schedule }: ProbeView, wallNow: number): DeclaredLimit | undefined {
  if (recorder.refusal === undefined) return undefined;
  const { status, intendedMs, retryAfter } = recorder.refusal;
  return {
    status,
    atRatePerSecond: schedule.rateAt(intendedMs),
    retryAfterMs: retryAfter === undefined ? undefined : parseRetryAfter(retryAfter, wallNow),
  };
}
