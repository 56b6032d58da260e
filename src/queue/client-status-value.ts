import type { ClientStatus } from './client-status.ts';

/** A client's status as machines read it: times and statuses are written as in the rows of dead letters. */
export function clientStatusValue({ lastError, pausedAt, ...numbers }: ClientStatus) {
  const counts = { ...numbers, pausedAt: pausedAt === undefined ? null : new Date(pausedAt).toISOString() };
  if (lastError === undefined) return counts;
  const { at, status } = lastError;
  const written = { at: new Date(at).toISOString(), status: status === 0 ? null : status };
  return { ...counts, lastError: { ...lastError, ...written } };
}
