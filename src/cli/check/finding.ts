/** How a finding is meant: with an `error` events are lost or not delivered, with a `warning` they may be. */
export type Level = 'ok' | 'note' | 'warning' | 'error';

/** One thing that `waybill check` found out. */
export interface CheckFinding {
  readonly level: Level;
  /** What it is about: `configuration`, `redis` or `clients.<name>`. */
  readonly subject: string;
  /** A sentence. */
  readonly message: string;
}

/** The subject of what is about one client. */
export function clientSubject(client: string): string {
  return `clients.${client}`;
}
