import { type IncidentNotice, incidentId } from '../core/incident.ts';
import type { Log } from '../core/log.ts';
import type { PendingNotice } from '../queue/incident-store.ts';
import { failuresOf, headingOf } from './describe-notice.ts';
import type { NoticeResult } from './post-notice.ts';

/** The channel that every notice goes to. */
const LOG_CHANNEL = 'log';

/** Sends a notice to a channel. */
export type SendNotice = (notice: IncidentNotice) => Promise<NoticeResult>;

/** What a notifier needs. */
export interface NotifierParts {
  readonly channels: ReadonlyMap<string, SendNotice>;
  readonly log: Log;
  /** Forgets a notice that was sent; rejects if Redis is away. */
  forget(client: string, field: string): Promise<void>;
}

/** Sends notices, one after another for each channel, so that a channel that hangs delays no other. */
export class Notifier {
  readonly channels: readonly string[];
  readonly #parts: NotifierParts;
  /**
   * By client and field. A notice that was sent stays here for as long as an answer of Redis that is under way may
   * still name it.
   */
  readonly #known = new Map<string, 'held' | 'sent' | 'forgotten'>();
  /** By channel: what its next notice waits for. */
  readonly #tails = new Map<string, Promise<void>>();

  constructor(parts: NotifierParts) {
    this.#parts = parts;
    this.channels = [LOG_CHANNEL, ...parts.channels.keys()];
  }

  /** Notices are read from Redis anew: those forgotten there before are not among them any more. */
  beginRound(): void {
    for (const [key, state] of this.#known) if (state === 'forgotten') this.#known.delete(key);
  }

  /** Sends a notice in its turn, unless it is held already. */
  add(client: string, pending: PendingNotice): void {
    const key = `${client} ${pending.field}`;
    const state = this.#known.get(key);
    if (state === 'sent') void this.#forget(key, client, pending.field);
    if (state !== undefined) return;
    this.#known.set(key, 'held');
    const before = this.#tails.get(pending.channel) ?? Promise.resolve();
    this.#tails.set(
      pending.channel,
      before.then(() => this.#sendHeld(key, client, pending)),
    );
  }

  /** Resolves when no notice is held. */
  async idle(): Promise<void> {
    await Promise.all(this.#tails.values());
  }

  async #sendHeld(key: string, client: string, pending: PendingNotice): Promise<void> {
    const isOver = await this.#send(client, pending).catch((error: unknown) => {
      this.#parts.log.error({ client, channel: pending.channel, err: error }, 'incident not told');
      return true;
    });
    if (isOver) await this.#forget(key, client, pending.field);
    else this.#known.delete(key);
  }

  /** @returns whether the notice is done with, be it sent or given up */
  async #send(client: string, { channel, notice }: PendingNotice): Promise<boolean> {
    const { log, channels } = this.#parts;
    if (channel === LOG_CHANNEL) {
      logNotice(log, notice);
      return true;
    }
    const facts = { client, incident: incidentId(notice.incident), kind: notice.kind, channel };
    const send = channels.get(channel);
    if (send === undefined) {
      // The channel was removed from the configuration.
      log.error({ ...facts, reason: 'no service has this channel' }, 'incident not told');
      return true;
    }
    const result = await send(notice);
    if (result.kind === 'aborted') return false;
    const { tries } = result;
    if (result.kind === 'sent') log.debug({ ...facts, tries }, 'incident told');
    else log.error({ ...facts, tries, reason: result.failure }, 'incident not told');
    return true;
  }

  async #forget(key: string, client: string, field: string): Promise<void> {
    this.#known.set(key, 'sent');
    try {
      await this.#parts.forget(client, field);
      this.#known.set(key, 'forgotten');
    } catch {
      // The next round finds it in Redis, and forgets it then.
    }
  }
}

const MESSAGES = { opened: 'incident opened', grew: 'incident grew', closed: 'incident closed' } as const;

function logNotice(log: Log, notice: IncidentNotice): void {
  const { kind, incident } = notice;
  const { client, type, count, failures, openedAt, failingSince } = incident;
  const times = {
    openedAt: new Date(openedAt).toISOString(),
    failingSince: new Date(failingSince).toISOString(),
  };
  const ended = 'closedAt' in incident ? { end: incident.end, ms: incident.closedAt - openedAt } : {};
  const facts = { client, type, incident: incidentId(incident), events: count, failures, ...times, ...ended };
  if (kind === 'closed') log.info(facts, MESSAGES[kind]);
  else log.warn({ ...facts, heading: headingOf(notice), by: failuresOf(incident) }, MESSAGES[kind]);
}
