import { createHash } from 'node:crypto';
import { type AuditEntry, type AuditNote, KEEP_AUDIT_MS } from '../core/audit.ts';
import { defineScript } from './define-script.ts';
import { auditCountKey, auditKey, discardedKey, OF_NO_CLIENT } from './names.ts';
import { NOTE } from './scripts/note-action.ts';
import type { Connection } from './servers.ts';

const noteScript = defineScript('note', NOTE);

/** The keys that a script declares for its entry: audit, its counter, discarded events; without a note none. */
export function auditKeys(client: string, note: AuditNote | undefined): string[] {
  if (note === undefined) return [];
  return [auditKey(client), auditCountKey(client, countName(note)), discardedKey(client)];
}

/**
 * Under which name the steps of an action are counted. An id that somebody chose counts for this key, action and filter
 * alone: what else is done under it has an entry of its own.
 */
function countName({ id, isOperation, action, by, filter = {} }: AuditNote): string {
  if (isOperation !== true) return id;
  const { ids, ...rest } = filter;
  const facts = JSON.stringify([action, by, rest, ids !== undefined]);
  return `${id}:${createHash('sha256').update(facts).digest('hex').slice(0, 16)}`;
}

/** A note as scripts take it; '': there is none. */
export function auditText(note: AuditNote | undefined): string {
  return note === undefined ? '' : JSON.stringify(note);
}

/** Writes down what changed nothing in Redis. @param client `OF_NO_CLIENT`: it belongs to none */
export async function noteAction(redis: Connection, client: string, note: AuditNote): Promise<void> {
  await noteScript(redis, [auditKey(client)], [auditText(note)]);
}

/** What to read of the audit. Times in ms since the epoch. */
export interface AuditQuery {
  readonly clients: readonly string[];
  /** At or after. */
  readonly since?: number | undefined;
  /** Before. */
  readonly until?: number | undefined;
  readonly now: number;
  /** At most so many, the newest. */
  readonly limit: number;
}

/** What was read of the audit. */
export interface AuditPage {
  /** The newest first. */
  readonly entries: readonly AuditEntry[];
  /** False: older ones were left out, all before the last of these. */
  readonly complete: boolean;
}

/** Reads the audit of some clients; `OF_NO_CLIENT` stands for what belongs to none. */
export async function readAudit(redis: Connection, query: AuditQuery): Promise<AuditPage> {
  const found = await Promise.all(query.clients.map((client) => readOne(redis, client, query)));
  const all = found.flat().sort((a, b) => b.at - a.at);
  const entries = all.slice(0, query.limit);
  const next = all[query.limit];
  // Those of one moment stay together, so that the time of the last one is where to go on.
  while (next !== undefined && entries.length > 1 && entries.at(-1)?.at === next.at) entries.pop();
  return { entries, complete: next === undefined };
}

async function readOne(redis: Connection, client: string, query: AuditQuery): Promise<AuditEntry[]> {
  const { since = 0, until, now, limit } = query;
  const from = Math.max(since, now - KEEP_AUDIT_MS, 0);
  const to = until === undefined ? '+' : String(Math.max(0, until - 1));
  const most = Number.isFinite(limit) ? limit + 1 : Number.MAX_SAFE_INTEGER;
  const found = await redis.xrevrange(auditKey(client), to, String(from), 'COUNT', most);
  if (found.length === 0) return [];
  const notes = found.map(([, fields]) => JSON.parse(fields[1] ?? '') as AuditNote);
  const counts = await redis.mget(notes.map((note) => auditCountKey(client, countName(note))));
  return notes.map((note, i) => ({
    ...note,
    at: timeOf(found[i]?.[0] ?? ''),
    ...(client === OF_NO_CLIENT ? {} : { client }),
    ...(typeof counts[i] === 'string' ? { done: Number(counts[i]) } : {}),
  }));
}

/** The ids of a stream begin with a time, ms since the epoch. */
export function timeOf(id: string): number {
  return Number(id.split('-', 1)[0]);
}
