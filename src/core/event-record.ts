import type { Actor } from './audit.ts';
import { isStatus } from './dead-letter-filter.ts';
import type { HistoryEntry } from './event.ts';
import { acceptedAt } from './event-id.ts';

/** Where an event is, or what became of it. */
export const EVENT_STATES = ['waiting', 'retrying', 'dead', 'delivered', 'discarded'] as const;
export type EventState = (typeof EVENT_STATES)[number];
/** What events can be asked for; whatever became of them: an attempt `failed`, they `died` in some life. */
export const OUTCOMES = [...EVENT_STATES, 'failed', 'died'] as const;
export type EventOutcome = (typeof OUTCOMES)[number];

/** An event as a search found it. Times in ms since the epoch. */
export interface EventRecord {
  readonly client: string;
  readonly id: string;
  /** Undefined: this version does not know it. */
  readonly type: string | undefined;
  /** Undefined: only a fingerprint of it is kept. */
  readonly unit?: string;
  readonly state: EventState;
  /** When it died, was delivered or discarded; absent: it is not over. */
  readonly endedAt?: number;
  /** When its next attempt is due; absent: nothing says so. */
  readonly dueAt?: number;
  /** What a delivery was answered with. */
  readonly status?: number;
  /** Who discarded it. */
  readonly by?: Actor;
  /** How often it was replayed. */
  readonly replays: number;
  /** The failed attempts of each life that is kept, the last life last. */
  readonly lives: readonly (readonly HistoryEntry[])[];
}

/** Which events are meant; what is absent does not matter. Times in ms since the epoch. */
export interface EventFilter {
  readonly type?: string | undefined;
  readonly unit?: string | undefined;
  readonly outcome?: EventOutcome | undefined;
  /** A status (`422`), a range (`5xx`) or a failure class (`timeout`) of any of its attempts. */
  readonly status?: string | undefined;
  /** With an outcome: when that came about; without one, anything that happened to it. At or after. */
  readonly since?: number | undefined;
  /** Before. */
  readonly until?: number | undefined;
}

/** Whether a filter means an event; whether its unit is meant, the search knows. */
export function matchesEvent(event: EventRecord, filter: EventFilter): boolean {
  const {
    type,
    outcome,
    status,
    since = Number.NEGATIVE_INFINITY,
    until = Number.POSITIVE_INFINITY,
  } = filter;
  if (type !== undefined && event.type !== type) return false;
  const isState = outcome !== 'failed' && outcome !== 'died';
  if (outcome !== undefined && isState && event.state !== outcome) return false;
  if (status !== undefined && attemptsWith(event, status).length === 0) return false;
  const isAboutWaiting = outcome === 'waiting' || (outcome === undefined && status === undefined);
  // What waits has waited ever since.
  if (event.state === 'waiting' && isAboutWaiting) return acceptedAt(event.id) < until;
  return momentsOf(event, filter).some((at) => at >= since && at < until);
}

/** When what is asked for came about. */
function momentsOf(event: EventRecord, { outcome, status }: EventFilter): readonly number[] {
  const ended = event.endedAt === undefined ? [] : [event.endedAt];
  switch (outcome) {
    case undefined:
      return status === undefined
        ? [acceptedAt(event.id), ...attemptsWith(event, status), ...ended]
        : attemptsWith(event, status);
    case 'died':
      return deathsOf(event);
    case 'failed':
    case 'retrying':
      return attemptsWith({ ...event, state: 'retrying' }, status);
    default:
      return ended;
  }
}

/** When it was given up on: at the last attempt of each life that it was replayed after, and when it died last. */
function deathsOf({ lives, state, endedAt }: EventRecord): number[] {
  const replayed = lives.slice(0, state === 'discarded' ? lives.length : -1);
  const before = replayed.flatMap((life) => life.at(-1)?.[0] ?? []);
  return state === 'dead' && endedAt !== undefined ? [...before, endedAt] : before;
}

/** When attempts ended that came to this status, a delivery among them. */
function attemptsWith(
  { lives, state, endedAt, status = 0 }: EventRecord,
  wanted: string | undefined,
): number[] {
  const isWanted = (one: number, failureClass: string): boolean =>
    wanted === undefined || isStatus(wanted, one, failureClass);
  const failed = lives.flat().filter(([, one, failureClass]) => isWanted(one, failureClass));
  const delivered = state === 'delivered' && endedAt !== undefined && isWanted(status, '') ? [endedAt] : [];
  return [...failed.map(([at]) => at), ...delivered];
}

/**
 * An event as machines read it.
 *
 * @param askedUnit the unit that was asked for: an event whose unit is not kept is probably about it
 * @param waitsFor what it waits for, if it waits
 */
export function eventRecordValue(event: EventRecord, askedUnit?: string, waitsFor?: string) {
  const iso = (at: number): string => new Date(at).toISOString();
  const { client, id, type = null, unit = askedUnit ?? null, state, replays, lives } = event;
  const { endedAt, dueAt, status, by } = event;
  const first = replays - lives.length + 1;
  return {
    ...{ client, id, type, unit },
    ...(event.unit === undefined && askedUnit !== undefined ? { probably: true } : {}),
    state,
    ...(waitsFor === undefined ? {} : { waitsFor }),
    acceptedAt: iso(acceptedAt(id)),
    ...(endedAt === undefined ? {} : { endedAt: iso(endedAt) }),
    ...(dueAt === undefined ? {} : { nextAttemptAt: iso(dueAt) }),
    ...(status === undefined ? {} : { status }),
    ...(by === undefined ? {} : { by }),
    replays,
    /** How many attempts its last life took so far. */
    attempts: (lives.at(-1)?.length ?? 0) + (state === 'delivered' ? 1 : 0),
    failedAttempts: lives.flatMap((life, n) =>
      life.map(([at, answered, failureClass, ms], i) => ({
        ...{ life: first + n, attempt: i + 1, at: iso(at), status: answered === 0 ? null : answered },
        ...{ class: failureClass, ms },
      })),
    ),
  };
}
