import type { DeadLetterFilter } from './dead-letter-filter.ts';

/** What people do that stands in the audit. */
export const AUDITED_ACTIONS = ['replay', 'discard', 'pause', 'resume', 'pace', 'report', 'reload'] as const;

/** How long the audit is kept, and the ids of discarded events with it: 90 days. */
export const KEEP_AUDIT_MS = 90 * 86_400_000;

/** Who did something: a key of the HTTP API by its name, or a user of a machine. */
export type Actor = { readonly key: string } | { readonly user: string; readonly host: string };

/** Which dead letters were meant, or which endpoint. */
export interface AuditFilter extends DeadLetterFilter {
  readonly limit?: number | undefined;
  /** How many events were named by their ids. */
  readonly ids?: number | undefined;
}

/** An action and what was asked, as it is written down in the step that changes something first. */
export interface AuditNote {
  /** A UUID. What one command did at several clients has the same. */
  readonly id: string;
  /** Who asked has chosen the id: requests with the same one are one action. */
  readonly isOperation?: true;
  readonly action: (typeof AUDITED_ACTIONS)[number];
  readonly by: Actor;
  readonly filter?: AuditFilter;
  /** How many dead letters matched before it began; absent: they were not counted. */
  readonly matching?: number;
  /** How many clients a reload added, changed and removed. */
  readonly clients?: { readonly added: number; readonly changed: number; readonly removed: number };
}

/** An action that was done, at least in part. */
export interface AuditEntry extends AuditNote {
  /** When it changed something first, ms since the epoch. */
  readonly at: number;
  /** Absent: it belongs to no client. */
  readonly client?: string;
  /** How many dead letters were replayed or discarded so far; absent: it is about none. */
  readonly done?: number;
}

/** A text of somebody's is not kept any longer than this. */
const MOST_CHARACTERS = 200;

/** Takes the filter of an action out of its options. @param ids how many events were named */
export function toAuditFilter(options: AuditFilter, ids?: number): AuditFilter {
  const { type, status, since, until, failedSince, failedUntil, limit } = options;
  const unit = options.unit?.slice(0, MOST_CHARACTERS);
  const id = options.id?.slice(0, MOST_CHARACTERS);
  return { type, status, unit, id, since, until, failedSince, failedUntil, limit, ids };
}

/** Somebody in few words: `key console`, `jane@host`. They are input: a terminal must not get them as they are. */
export function actorText(by: Actor): string {
  return 'key' in by ? `key ${by.key}` : `${by.user}@${by.host}`;
}

/** The times of a filter in ISO 8601. */
export function filterTimes({ since, until, failedSince, failedUntil }: AuditFilter) {
  const iso = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());
  return {
    ...{ since: iso(since), until: iso(until) },
    ...{ failedSince: iso(failedSince), failedUntil: iso(failedUntil) },
  };
}

/** An entry as machines read it; a number that there is not is null. */
export function auditValue(entry: AuditEntry) {
  const { id, at, client = null, action, by, filter = {}, matching = null, done = null, clients } = entry;
  return {
    ...{ at: new Date(at).toISOString(), client, action, by, id },
    filter: { ...filter, ...filterTimes(filter) },
    ...{ matching, done },
    ...(clients && { clients }),
  };
}
