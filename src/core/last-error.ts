/** The last failed attempt of a client's deliveries, or of an endpoint's. */
export interface LastError {
  /** ms since the epoch */
  readonly at: number;
  readonly event: string;
  readonly type: string;
  readonly attempt: number;
  /** 0: there was no status. */
  readonly status: number;
  readonly class: string;
  readonly detail: string;
  /** Events delivered to the endpoint of this type since. */
  readonly deliveredSince: number;
}

/** As a settlement is told it, which adds `deliveredBefore`: the events delivered to the endpoint until then. */
export type ToldError = Omit<LastError, 'deliveredSince'>;

/**
 * Reads an endpoint's from its client's counters.
 *
 * @param delivered events delivered to the endpoint so far
 */
export function readLastError(
  stats: ReadonlyMap<string, string>,
  type: string,
  delivered: number,
): LastError | undefined {
  const text = stats.get(`lastError:${type}`);
  if (text === undefined) return undefined;
  const { deliveredBefore = delivered, ...told } = JSON.parse(text) as ToldError & {
    readonly deliveredBefore?: number;
  };
  return { ...told, deliveredSince: delivered - deliveredBefore };
}

/** As machines read it; no status is null. */
export function lastErrorValue(lastError: LastError) {
  const { at, status } = lastError;
  return { ...lastError, at: new Date(at).toISOString(), status: status === 0 ? null : status };
}
