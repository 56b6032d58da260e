import type { StoredEvent } from '../core/event.ts';
import type { LoadAttempt, Recorder } from './recorder.ts';
import type { Schedule } from './schedule.ts';

/** Sends one event; never rejects. `undefined`: it was called off and does not count. */
export type SendEvent = (event: StoredEvent) => Promise<LoadAttempt | undefined>;

/** What a generator works with. */
export interface GeneratorParts {
  /** Its times do not fall, and are asked in order. */
  readonly arrivals: Pick<Schedule, 'total' | 'durationMs' | 'intendedAt'>;
  readonly maxInFlight: number;
  readonly recorder: Recorder;
  readonly send: SendEvent;
  nextEvent(): StoredEvent;
  /** Absent: there is no bound. */
  readonly budget?: SendBudget;
  /** The budget is used up, and one more event was due: nothing more is sent. */
  onSpent?(): void;
  /** Milliseconds of a monotonic clock. */
  now(): number;
}

/** How far a generator kept up with its arrivals. */
export interface Attended {
  /** When it stopped before its time, in milliseconds from the start; absent: it went to the end. */
  readonly stoppedAtMs?: number;
  /** Arrivals that were due by the end of the plan, or by the stop, and were not attended to soon after. */
  readonly behind: number;
  /** Arrivals of these that were never attended to. */
  readonly missed: number;
}

const TURN_MS = 1;
/** A delay below this at the end of the plan shows in the lag alone. */
const LATE_MS = 500;
/** A generator that is behind goes on sending for this long after the end of its plan. */
const OVERTIME_MS = 5_000;

/**
 * Sends events at their intended times and never waits for answers: an open model. A loop of 1 ms sends all
 * that is due.
 */
export class Generator {
  /** Resolves once all was sent, or `stop` was called, and nothing is in flight. */
  readonly done: Promise<Attended>;
  readonly #parts: GeneratorParts;
  readonly #startedAt: number;
  readonly #dueUntil: (nowMs: number) => number;
  #finish = (_attended: Attended): void => {};
  #next = 0;
  #over: Attended | undefined;
  #behind: number | undefined;

  constructor(parts: GeneratorParts) {
    this.#parts = parts;
    this.#startedAt = parts.now();
    this.#dueUntil = createCatchUpClock(this.#startedAt);
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    setTimeout(this.#turn, 0);
  }

  /** Sends nothing from now on. */
  stop(): void {
    this.#stopAt(this.#parts.now() - this.#startedAt);
  }

  #turn = (): void => {
    const { arrivals, recorder, now } = this.#parts;
    if (this.#over !== undefined) return;
    const at = now();
    const atMs = at - this.#startedAt;
    this.#sendDue(this.#dueUntil(at));
    recorder.turn(at);
    if (this.#over !== undefined) return;
    if (this.#next < arrivals.total) {
      if (atMs >= arrivals.durationMs + LATE_MS) this.#behind ??= arrivals.total - this.#next;
      if (atMs >= arrivals.durationMs + OVERTIME_MS) this.#stopAt(atMs);
      else setTimeout(this.#turn, TURN_MS);
    } else {
      this.#endIfOver();
    }
  };

  #sendDue(due: number): void {
    const { arrivals, maxInFlight, recorder, budget } = this.#parts;
    for (; this.#next < arrivals.total; this.#next += 1) {
      const intended = this.#startedAt + arrivals.intendedAt(this.#next);
      if (intended > due) return;
      if (recorder.inFlight >= maxInFlight) {
        recorder.unsent(intended);
      } else if (budget?.take() === false) {
        this.#endAsSpent(intended - this.#startedAt);
        return;
      } else {
        void this.#send(intended);
      }
    }
  }

  /** The event that was due is neither sent nor missed: the plan ends before it. */
  #endAsSpent(atMs: number): void {
    this.#over = { behind: this.#behind ?? 0, missed: 0, stoppedAtMs: atMs };
    this.#parts.onSpent?.();
    this.#endIfOver();
  }

  async #send(intended: number): Promise<void> {
    const { recorder, now, nextEvent, send } = this.#parts;
    const event = nextEvent();
    const sent = now();
    recorder.sent(intended, sent);
    const attempt = await send(event);
    if (attempt === undefined) recorder.dropped(intended);
    else recorder.finished(event, attempt, { intended, sent, finished: now() });
    this.#endIfOver();
  }

  #stopAt(atMs: number): void {
    if (this.#over !== undefined) return;
    const { arrivals } = this.#parts;
    let due = this.#next;
    while (due < arrivals.total && arrivals.intendedAt(due) <= atMs) due += 1;
    const missed = due - this.#next;
    const isEarly = atMs < arrivals.durationMs;
    this.#over = { behind: this.#behind ?? missed, missed, ...(isEarly ? { stoppedAtMs: atMs } : {}) };
    this.#endIfOver();
  }

  #endIfOver(): void {
    const { arrivals, recorder } = this.#parts;
    if (recorder.inFlight > 0) return;
    if (this.#over !== undefined) this.#finish(this.#over);
    else if (this.#next >= arrivals.total) this.#finish({ behind: this.#behind ?? 0, missed: 0 });
  }
}

/** A turn of the loop that takes longer than this is a stall. */
const STALL_MS = 10;
const CATCH_UP = 2;

/**
 * The clock that a generator sends by: takes the time and returns until when events are due, in milliseconds.
 * After a stall it runs at twice the real speed, so that late events go out at twice the rate and not at once.
 */
export function createCatchUpClock(startMs: number): (nowMs: number) => number {
  let last = startMs;
  let due = startMs;
  return (nowMs) => {
    const turn = Math.min(Math.max(0, nowMs - last), STALL_MS);
    last = nowMs;
    due = Math.min(nowMs, due + CATCH_UP * turn);
    return due;
  };
}

/**
 * How many events a load test may send in all, warm-ups and the events between probes included. The generator
 * takes from it before each event, so that the bound is exact.
 */
export class SendBudget {
  readonly most: number;
  spent = 0;

  constructor(most: number) {
    this.most = most;
  }

  /** Takes one event out of it; false: it is used up. */
  take(): boolean {
    if (this.spent >= this.most) return false;
    this.spent += 1;
    return true;
  }
}
