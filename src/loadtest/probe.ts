import type { StoredEvent } from '../core/event.ts';
import { Generator, type SendBudget, type SendEvent } from './generator.ts';
import { type Observation, observe } from './observation.ts';
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
  /** The user ends it: what was measured is reported. */
  readonly interrupted: AbortSignal;
  /** 128 and the number of the signal that interrupted it. */
  interruptedExitCode(): number;
  /** Called at the beginning, twice a second and at the end. */
  onProgress(view: ProbeView): void;
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

/** A run or probe under way. */
export interface RunningProbe {
  readonly startedAt: number;
  readonly recorder: Recorder;
  /** The share of the judged time in which the generator's event loop was busy, 0 to 1. */
  utilisation(): number;
  /** Resolves when nothing is in flight any more. */
  readonly done: Promise<Observation>;
  /** Sends nothing more, and waits for the requests in flight. `why`: a sentence for the report. */
  stop(why: string): void;
}

/** A run or probe as its progress is shown. */
export interface ProbeView {
  readonly label: string;
  readonly probe: RunningProbe;
  readonly schedule: Schedule;
  readonly warmupMs: number;
  readonly plannedRatePerSecond: number;
  readonly isOver: boolean;
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
export interface Probed {
  readonly observation: Observation;
  readonly probe: RunningProbe;
  readonly warmupMs: number;
  readonly stopped?: Stop;
}

const ASK_EVERY_MS = 500;
/** After an interruption, the requests in flight have this long to end. */
const INTERRUPTED_MS = 5_000;

/** Sends the events of a plan, and observes them. Ends early if the rule says so, or at an interruption. */
export async function runProbe(plan: ProbePlan, effects: Effects, rule: StopRule): Promise<Probed> {
  const { label, warmupMs, arrivals, seed } = plan;
  const plannedRatePerSecond = highestRate(plan.stages);
  const schedule = createSchedule(withWarmup(plan.stages, warmupMs), { arrivals, seed });
  const probe = startProbe(plan, schedule, effects, () => stop(spentStop(effects.budget)));
  const view = { label, probe, schedule, warmupMs, plannedRatePerSecond, isOver: false };
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
  }, ASK_EVERY_MS);
  try {
    const observation = await probe.done;
    // The rule has not seen the failures of the last half second.
    stopped ??= rule(view);
    return { observation, probe, warmupMs, ...(stopped === undefined ? {} : { stopped }) };
  } finally {
    clearInterval(timer);
    unhook();
    effects.onProgress({ ...view, isOver: true });
  }
}

/** Sends one event alone: whether the endpoint takes it at all. */
export function preflight(plan: Pick<ProbePlan, 'seed' | 'timeoutMs'>, effects: Effects): Promise<Probed> {
  const { seed, timeoutMs } = plan;
  const one: Stage = { durationMs: 1, fromRate: 1_000, toRate: 1_000 };
  const alone = {
    label: 'preflight',
    stages: [one],
    warmupMs: 0,
    maxInFlight: 1,
    arrivals: 'constant',
  } as const;
  return runProbe({ ...alone, seed, timeoutMs }, effects, () => undefined);
}

/** Why the one event of a preflight was not delivered, as a sentence; undefined: it was. */
export function whyPreflightFailed({ observation, probe }: Probed): string | undefined {
  if (observation.delivered === 1) return undefined;
  const [ended] = probe.recorder.outcomes();
  if (ended === undefined) return 'the first event had no outcome';
  const { outcome, status, examples } = ended;
  const how = status === 0 ? outcome : `${outcome}, status ${status}`;
  const said = examples[0]?.response.replace(/\s+/g, ' ').trim() ?? '';
  return `the first event was not delivered (${how})${said && `: ${said}`}`;
}

function spentStop({ most }: SendBudget): Stop {
  return { kind: 'guard', why: `all ${most.toLocaleString('en-US')} requests that may be sent were sent` };
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

/** `onSpent`: the budget is used up, and the plan is not over. */
function startProbe(
  plan: ProbePlan,
  schedule: Schedule,
  effects: Effects,
  onSpent: () => void,
): RunningProbe {
  const { warmupMs, timeoutMs, maxInFlight } = plan;
  const { now, wallNow, send, nextEvent, budget } = effects;
  const plannedRatePerSecond = highestRate(plan.stages);
  const startedAt = now();
  const recorder = new Recorder({ startedAt, warmupMs, timeoutMs });
  const loop = new LoopWatch(warmupMs, schedule.durationMs);
  let cutShort: string | undefined;
  const onTurn = (at: number): void => loop.turn(at - startedAt);
  const source = { arrivals: schedule, maxInFlight, send, nextEvent, budget, onSpent };
  const generator = new Generator({ ...source, observer: recorder, now, onTurn });
  return {
    startedAt,
    recorder,
    utilisation: () => loop.utilisation(),
    stop(why) {
      cutShort ??= why;
      loop.end();
      generator.stop();
    },
    done: generator.done.then((attended) => {
      recorder.close();
      const eventLoopUtilisation = loop.utilisation();
      const run = { schedule, warmupMs, plannedRatePerSecond, attended, eventLoopUtilisation, wallNow };
      const observation = observe(recorder, run);
      if (attended.stoppedAtMs === undefined || cutShort === undefined) return observation;
      return { ...observation, cutShort };
    }),
  };
}

/** How busy the event loop of this process is between the end of the warm-up and the end of the plan. */
class LoopWatch {
  readonly #warmupMs: number;
  readonly #durationMs: number;
  #since = performance.eventLoopUtilization();
  #isWarm = false;
  #atEnd: number | undefined;

  constructor(warmupMs: number, durationMs: number) {
    this.#warmupMs = warmupMs;
    this.#durationMs = durationMs;
  }

  /** Called at each turn of the generator's loop. */
  turn(atMs: number): void {
    if (!this.#isWarm && atMs >= this.#warmupMs) {
      this.#isWarm = true;
      this.#since = performance.eventLoopUtilization();
    }
    // The generator idles while the last answers come in.
    if (atMs >= this.#durationMs) this.end();
  }

  end(): void {
    this.#atEnd = this.utilisation();
  }

  /** 0 to 1. */
  utilisation(): number {
    return this.#atEnd ?? performance.eventLoopUtilization(this.#since).utilization;
  }
}
