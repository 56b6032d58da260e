/** The queue of a client's batches. */
export const DELIVERIES = 'deliveries';
/** The queue of a client's dead letters. */
export const DEAD_LETTERS = 'dead-letters';

/** The prefix of everything that belongs to a client: a hash tag, so that it lives in one cluster slot. */
export function clientPrefix(client: string): string {
  return `{wb:${client}}`;
}

/** The beginning of a queue's keys, as BullMQ writes them: `{wb:acme}:deliveries:`. */
export function queuePrefix(client: string, queue: string): string {
  return `${clientPrefix(client)}:${queue}:`;
}

/** The hash with a client's counters and its last error. */
export function statsKey(client: string): string {
  return `${clientPrefix(client)}:stats`;
}

/** The theoretical arrival time of a client's rate limit (GCRA). */
export function rateKey(client: string): string {
  return `${clientPrefix(client)}:rate`;
}
