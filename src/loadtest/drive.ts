import type { StoredEvent } from '../core/event.ts';
import type { SendEvent } from './generator.ts';
import type { Observation } from './observation.ts';
import { type RunningProbe, startProbe } from './probe.ts';
import { createSchedule, type Schedule, type Stage } from './schedule.ts';
import type { SendBudget } from './send-budget.ts';
import { highestRate, withWarmup } from './stages.ts';

/** The world outside, as a load test needs it. */
export interface Effects {
  readonly send: SendEvent;
  /** Calls off what is in flight. */
  callOff(): void;
  nextEvent(): StoredEvent;
  /** Of all that is sent; where it is used up, the probe under way is stopped by a guard. */
  readonly budget: SendBudget;
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** Milliseconds since the epoch. */
  wallNow(): number;
  /** Somebody wants it to end: what was measured is reported. */
  readonly interrupted: AbortSignal;
  /** 128 and the number of the signal that interrupted it. */
  interruptedExitCode(): number;
  /** Called twice a second while something is sent, and at its beginning and end. */
  onProgress(view: ProbeView): void;
}

/** A run or probe as somebody may watch it. */
export interface ProbeView {
  readonly label: string;
  readonly probe: RunningProbe;
  readonly schedule: Schedule;
  readonly warmupMs: number;
  readonly plannedRatePerSecond: number;
  readonly isOver: boolean;
}

/** What is sent, in which way. */
export interface ProbePlan {
  readonly label: string;
  /** Without the warm-up. */
  readonly stages: readonly Stage[];
  readonly warmupMs: number;
  readonly arrivals: 'constant' | 'poisson';
  readonly seed: number;
  readonly maxInFlight: number;
  readonly timeoutMs: number;
}

/** Why a probe is to end before its time. */
export interface Stop {
  /** `guard`: nothing more is to be sent at all. `overload`: not at this rate. */
  readonly kind: 'guard' | 'overload' | 'interrupted';
  readonly why: string;
}

/** What a probe came to. */
export interface Probed {
  readonly observation: Observation;
  readonly probe: RunningProbe;
  readonly schedule: Schedule;
  readonly warmupMs: number;
  readonly stopped?: Stop;
}

/** Looked at twice a second; `undefined`: go on. */
export type StopRule = (view: ProbeView) => Stop | undefined;

const LOOK_MS = 500;
/** What is in flight when somebody interrupts is waited for so long. */
const INTERRUPTED_MS = 5_000;

/** Carries a plan out; it ends before its time where the rule says so, or where it is interrupted. */
export async function driveProbe(plan: ProbePlan, effects: Effects, rule: StopRule): Promise<Probed> {
  const { warmupMs, arrivals, seed } = plan;
  const plannedRatePerSecond = highestRate(plan.stages);
  const schedule = createSchedule(withWarmup(plan.stages, warmupMs), { arrivals, seed });
  const onSpent = (): void => stop(spentStop(effects.budget));
  const probe = startProbe({ ...plan, ...effects, schedule, plannedRatePerSecond, onSpent });
  const view = { label: plan.label, probe, schedule, warmupMs, plannedRatePerSecond, isOver: false };
  let stopped: Stop | undefined;
  const stop = (by: Stop): void => {
    stopped ??= by;
    probe.stop(by.why);
  };
  const unhook = onInterrupt(effects, () => stop({ kind: 'interrupted', why: 'interrupted' }));
  effects.onProgress(view);
  const timer = setInterval(() => {
    effects.onProgress(view);
    const why = stopped === undefined ? rule(view) : undefined;
    if (why !== undefined) stop(why);
  }, LOOK_MS);
  try {
    const observation = await probe.done;
    // What failed within the last half second may be what the rule is about.
    stopped ??= rule(view);
    return { observation, probe, schedule, warmupMs, ...(stopped === undefined ? {} : { stopped }) };
  } finally {
    clearInterval(timer);
    unhook();
    effects.onProgress({ ...view, isOver: true });
  }
}

/** That all was sent that may be. */
export function spentStop({ most }: SendBudget): Stop {
  return { kind: 'guard', why: `all ${most.toLocaleString('en-US')} requests that may be sent were sent` };
}

/** Calls back when somebody interrupts, or has; what is in flight by then is called off a little later. */
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

/** One event alone: whether the endpoint takes it at all. */
export async function preflight(
  plan: Pick<ProbePlan, 'seed' | 'timeoutMs'>,
  effects: Effects,
): Promise<Probed> {
  const one: Stage = { durationMs: 1, fromRate: 1_000, toRate: 1_000 };
  const alone = { ...plan, label: 'preflight', stages: [one], warmupMs: 0, maxInFlight: 1 };
  return driveProbe({ ...alone, arrivals: 'constant' }, effects, () => undefined);
}
