import type { Classification } from '../core/classify.ts';
import type { StoredEvent } from '../core/event.ts';
import { createPace, type Pace } from './pace.ts';
import type { SendBudget } from './send-budget.ts';

/** What became of one event that was sent, over however many requests. */
export interface LoadAttempt {
  readonly classification: Classification;
  /** What of the time was spent on waiting for a token: it is measured apart. */
  readonly tokenMs: number;
  /** The time in the queue, where there is one. */
  readonly queueMs?: number;
}

/** Sends one event; never rejects. `undefined`: it was called off and does not count. */
export type SendEvent = (event: StoredEvent) => Promise<LoadAttempt | undefined>;

/** The three times of an event, in milliseconds of one clock. */
export interface Times {
  readonly intended: number;
  readonly sent: number;
  readonly finished: number;
}

/** Who is told what happens. It is in the way of every event. */
export interface Witness {
  sent(event: StoredEvent, intended: number, at: number): void;
  finished(event: StoredEvent, attempt: LoadAttempt, times: Times): void;
  /** Called off: neither sent nor unsent. */
  dropped(intended: number): void;
  /** The most that may be in flight were: the arrival was let go. */
  unsent(intended: number): void;
  /** Once a turn of the loop, about each millisecond. */
  turn(now: number, inFlight: number): void;
}

/** When events arrive. */
export interface Arrivals {
  readonly total: number;
  readonly durationMs: number;
  /** Of arrival `n` from 0, milliseconds from the start; does not fall with `n`. Asked in that order. */
  intendedAt(n: number): number;
}

/** What a generator works with. */
export interface GeneratorParts {
  readonly arrivals: Arrivals;
  readonly maxInFlight: number;
  readonly witness: Witness;
  readonly send: SendEvent;
  nextEvent(): StoredEvent;
  /** Absent: there is no bound. */
  readonly budget?: SendBudget;
  /** The budget is used up, and something more was due: nothing is sent any more. */
  onSpent?(): void;
  /** Milliseconds of a monotonic clock. */
  now(): number;
}

/** A generator at work. */
export interface Generator {
  readonly startedAt: number;
  /** Resolves once all has been sent, or `stop` was called, and nothing is in flight any more. */
  readonly done: Promise<Attended>;
  /** Sends nothing from now on. */
  stop(): void;
}

/** How far a generator kept up with its arrivals. */
export interface Attended {
  /** When it stopped before its time, in milliseconds from the start; absent: it went to the end. */
  readonly stoppedAtMs?: number;
  /** Arrivals whose time had come at the end of the plan, or at the stop, and that were not attended to soon after. */
  readonly behind: number;
  /** Those of them that never were. */
  readonly missed: number;
}

const TURN_MS = 1;
/** What is late by less at the end of the plan is told by the lag alone. */
const LATE_MS = 500;
/** So long after the end of its plan a generator that is behind goes on sending. */
const OVERTIME_MS = 5_000;

/**
 * Sends events at the times that they were meant for, whatever becomes of those before: an open model. Nothing
 * here waits for an answer; a loop of 1 ms sends all that is due.
 */
export function startGenerator(parts: GeneratorParts): Generator {
  return new OpenGenerator(parts);
}

class OpenGenerator implements Generator {
  readonly startedAt: number;
  readonly done: Promise<Attended>;
  readonly #parts: GeneratorParts;
  readonly #pace: Pace;
  #finish = (_attended: Attended): void => {};
  #next = 0;
  #inFlight = 0;
  #over: Attended | undefined;
  #behind: number | undefined;

  constructor(parts: GeneratorParts) {
    this.#parts = parts;
    this.startedAt = parts.now();
    this.#pace = createPace(this.startedAt);
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    setTimeout(this.#turn, 0);
  }

  stop(): void {
    this.#stopAt(this.#parts.now() - this.startedAt);
  }

  #turn = (): void => {
    const { arrivals, witness, now } = this.#parts;
    if (this.#over !== undefined) return;
    const at = now();
    const atMs = at - this.startedAt;
    this.#sendDue(this.#pace.advance(at));
    witness.turn(at, this.#inFlight);
    if (this.#over !== undefined) return;
    if (this.#next < arrivals.total) {
      if (atMs >= arrivals.durationMs + LATE_MS) this.#behind ??= arrivals.total - this.#next;
      if (atMs >= arrivals.durationMs + OVERTIME_MS) this.#stopAt(atMs);
      else setTimeout(this.#turn, TURN_MS);
    } else {
      this.#endWhereOver();
    }
  };

  #sendDue(due: number): void {
    const { arrivals, maxInFlight, witness, budget } = this.#parts;
    for (; this.#next < arrivals.total; this.#next += 1) {
      const intended = this.startedAt + arrivals.intendedAt(this.#next);
      if (intended > due) return;
      if (this.#inFlight >= maxInFlight) {
        witness.unsent(intended);
      } else if (budget?.take() === false) {
        this.#endAsSpent(intended - this.startedAt);
        return;
      } else {
        void this.#send(intended);
      }
    }
  }

  /** What was due at that time is neither sent nor missed: the plan ends before it. */
  #endAsSpent(atMs: number): void {
    this.#over = { behind: this.#behind ?? 0, missed: 0, stoppedAtMs: atMs };
    this.#parts.onSpent?.();
    this.#endWhereOver();
  }

  async #send(intended: number): Promise<void> {
    const { witness, now, nextEvent, send } = this.#parts;
    const event = nextEvent();
    const sent = now();
    this.#inFlight += 1;
    witness.sent(event, intended, sent);
    const attempt = await send(event);
    this.#inFlight -= 1;
    if (attempt === undefined) witness.dropped(intended);
    else witness.finished(event, attempt, { intended, sent, finished: now() });
    this.#endWhereOver();
  }

  #stopAt(atMs: number): void {
    if (this.#over !== undefined) return;
    const { arrivals } = this.#parts;
    let due = this.#next;
    while (due < arrivals.total && arrivals.intendedAt(due) <= atMs) due += 1;
    const missed = due - this.#next;
    const isEarly = atMs < arrivals.durationMs;
    this.#over = { behind: this.#behind ?? missed, missed, ...(isEarly ? { stoppedAtMs: atMs } : {}) };
    this.#endWhereOver();
  }

  #endWhereOver(): void {
    if (this.#inFlight > 0) return;
    if (this.#over !== undefined) this.#finish(this.#over);
    else if (this.#next >= this.#parts.arrivals.total) this.#finish({ behind: this.#behind ?? 0, missed: 0 });
  }
}
