import type { Redis } from 'ioredis';
import pRetry from 'p-retry';
import { type IncidentEnd, type IncidentNotice, incidentId, type NoticeKind } from '../core/incident.ts';
import type { Log } from '../core/log.ts';
import { type ClientView, type EventCounts, readClientViews } from '../queue/client-view.ts';
import {
  changeIncident,
  claimNotices,
  forgetNotice,
  type IncidentState,
  noticeField,
  type OpenIncident,
  type PendingNotice,
  readIncidents,
} from '../queue/incident-store.ts';
import { logNotice } from './describe-notice.ts';
import type { NoticeChannel } from './notice-channel.ts';

/** What a monitor needs. */
export interface IncidentMonitorParts {
  readonly redis: Redis;
  readonly clients: readonly string[];
  readonly channels: readonly Pick<NoticeChannel, 'name' | 'send'>[];
  readonly log: Log;
  /** A name that no other monitor has. */
  readonly name: string;
  /** How long this monitor's claim on a client's notices for a channel lasts, in ms; several checks long. */
  readonly claimMs: number;
  /** Calls off what is being sent. */
  readonly signal: AbortSignal;
  /** ms since the epoch */
  now(): number;
}

/** The channel that every notice goes to. */
const LOG_CHANNEL = 'log';

/** While a client has this many notices waiting for channels, no further ones are made for it. */
const MOST_NOTICES = 200;

/** How long a notice waits for a service that has its channel, in milliseconds; then it is dropped. */
const STRAY_MS = 600_000;

/** By how much an incident has to grow since its last notice for the next one. */
const GROWTH = 10;

/** How soon Redis is asked again to forget a notice that was sent, in milliseconds. */
const FORGET_AGAIN = { retries: Number.POSITIVE_INFINITY, minTimeout: 100, maxTimeout: 5_000, unref: true };

/**
 * Follows the incidents of all clients; any number of monitors may run on one Redis. A notice is written in the
 * step that marks its incident as told, and forgotten after it was sent: a kill loses none, and repeats only what
 * was being sent.
 */
export class IncidentMonitor {
  readonly #parts: IncidentMonitorParts;
  readonly #channels: ReadonlyMap<string, Pick<NoticeChannel, 'send'>>;
  readonly #crowded = new Set<string>();
  /** The fields of the notices that are being sent, or wait for their turn. */
  readonly #held = new Set<string>();
  /** By channel: what its next notice waits for. A channel that hangs delays no other. */
  readonly #tails = new Map<string, Promise<void>>();

  constructor(parts: IncidentMonitorParts) {
    this.#parts = parts;
    this.#channels = new Map(parts.channels.map((channel) => [channel.name, channel]));
  }

  /** Checks all incidents once, and begins to send their notices. @throws errors of Redis */
  async check(): Promise<void> {
    const states = await readIncidents(this.#parts.redis, this.#parts.clients);
    // Nearly always no client has an incident.
    if (states.size === 0) return;
    await this.#updateAll(states);
    await this.#sendAll([...states.keys()]);
  }

  /** Resolves when no notice is held. */
  async idle(): Promise<void> {
    await Promise.all(this.#tails.values());
  }

  async #updateAll(states: ReadonlyMap<string, IncidentState>): Promise<void> {
    const failing = [...states].filter(([, { open }]) => open.length > 0);
    const names = failing.map(([name]) => ({ name, endpoints: {} }));
    const views = await readClientViews(this.#parts.redis, names);
    await Promise.all(
      failing.flatMap(([client, { open, notices }]) => {
        const view = views.get(client);
        if (view === undefined || this.#isCrowded(client, notices.length)) return [];
        return open.map((incident) => this.#update(incident, view));
      }),
    );
  }

  async #update(incident: OpenIncident, { endpoints }: ClientView): Promise<void> {
    const { redis, now } = this.#parts;
    const endpoint = endpoints[incident.type] ?? NOTHING;
    const step = nextStep(incident, endpoint);
    if (step === 'nothing') return;
    if (step === 'opened' || step === 'grew') {
      await changeIncident(redis, incident, {
        told: incident.count,
        notices: this.#noticesOf(step, incident),
      });
    } else if (endpoint.dead > 0) {
      // The incident's count also lost the dead letters from before it opened, when those went.
      await changeIncident(redis, incident, { left: endpoint.dead });
    } else {
      const closed = { ...incident, left: 0, closedAt: now(), end: step };
      await changeIncident(redis, incident, { closed, notices: this.#noticesOf('closed', closed) });
    }
  }

  /** A notice for each channel. */
  #noticesOf(kind: NoticeKind, incident: IncidentNotice['incident']): PendingNotice[] {
    const id = `${incidentId(incident)}.${kind}.${incident.count}`;
    const notice = { id, kind, at: this.#parts.now(), incident };
    return [LOG_CHANNEL, ...this.#channels.keys()].map((channel) => ({ channel, notice }));
  }

  /** Logs once that a client has too many waiting notices, and once that it no longer has. */
  #isCrowded(client: string, waiting: number): boolean {
    const { log } = this.#parts;
    const isCrowded = waiting >= MOST_NOTICES;
    if (isCrowded && !this.#crowded.has(client)) {
      this.#crowded.add(client);
      log.warn({ client, waiting }, 'too many notices wait: no new ones are made');
    } else if (!isCrowded && this.#crowded.delete(client)) {
      log.info({ client, waiting }, 'new notices are made again');
    }
    return isCrowded;
  }

  async #sendAll(clients: readonly string[]): Promise<void> {
    // A notice held when this check began may be sent and forgotten before Redis' answer arrives.
    const held = new Set(this.#held);
    for (const [client, { notices }] of await readIncidents(this.#parts.redis, clients)) {
      for (const pending of await this.#claim(client, notices)) {
        if (!held.has(noticeField(pending))) this.#sendInTurn(client, pending);
      }
    }
  }

  /** Claims each channel by itself: one that hangs here keeps no other service from its own channels. */
  async #claim(client: string, notices: readonly PendingNotice[]): Promise<readonly PendingNotice[]> {
    const { redis, name, claimMs } = this.#parts;
    const claimed = new Set(notices.filter((one) => this.#isOurs(one)).map(({ channel }) => channel));
    for (const channel of claimed) {
      if (!(await claimNotices(redis, client, channel, name, claimMs))) claimed.delete(channel);
    }
    if (claimed.size === 0) return [];
    // Read again under the claim: another monitor may have sent some meanwhile.
    const state = (await readIncidents(redis, [client])).get(client);
    return (state?.notices ?? []).filter((one) => claimed.has(one.channel) && this.#isOurs(one));
  }

  /** Skips channels that this service does not have; another one will send their notices. */
  #isOurs({ channel, notice }: PendingNotice): boolean {
    const { now } = this.#parts;
    return channel === LOG_CHANNEL || this.#channels.has(channel) || now() - notice.at > STRAY_MS;
  }

  #sendInTurn(client: string, pending: PendingNotice): void {
    const field = noticeField(pending);
    this.#held.add(field);
    const before = this.#tails.get(pending.channel) ?? Promise.resolve();
    const sent = before.then(() => this.#send(client, pending)).finally(() => this.#held.delete(field));
    // It rejects if it is called off: the next monitor sends it.
    this.#tails.set(
      pending.channel,
      sent.catch(() => {}),
    );
  }

  /** Sends a notice, or gives it up, and forgets it then. @throws if it is called off */
  async #send(client: string, pending: PendingNotice): Promise<void> {
    const { redis, log, signal } = this.#parts;
    signal.throwIfAborted();
    try {
      await this.#tell(client, pending);
    } catch (error) {
      signal.throwIfAborted();
      log.error({ client, channel: pending.channel, err: error }, 'incident not told');
    }
    await pRetry(() => forgetNotice(redis, client, pending), { ...FORGET_AGAIN, signal });
  }

  async #tell(client: string, { channel, notice }: PendingNotice): Promise<void> {
    const { log, signal } = this.#parts;
    if (channel === LOG_CHANNEL) {
      logNotice(log, notice);
      return;
    }
    const result = (await this.#channels.get(channel)?.send(notice, signal)) ?? REMOVED;
    const facts = { client, incident: incidentId(notice.incident), kind: notice.kind, channel, ...result };
    if (result.reason === undefined) log.debug(facts, 'incident told');
    else log.error(facts, 'incident not told');
  }
}

/** What is to be done about an incident now: nothing, a notice, or its end. */
export type NextStep = 'nothing' | 'opened' | 'grew' | IncidentEnd;

/** What an incident needs to know of its endpoint. */
export type EndpointFacts = Pick<EventCounts, 'waiting' | 'inFlight' | 'retrying' | 'dead' | 'delivered'>;

/**
 * Decides what is to be done about an incident. Its opening is told before its close. It closes once no dead
 * letter is left, and an event of its type was delivered since the last one died or no replayed one can be among
 * the endpoint's events on their way: all were discarded.
 */
export function nextStep(incident: OpenIncident, endpoint: EndpointFacts): NextStep {
  const { told, count, left, deliveredBefore, replayed } = incident;
  if (told === 0) return 'opened';
  if (count >= told * GROWTH) return 'grew';
  if (left > 0 && endpoint.dead > 0) return 'nothing';
  if (endpoint.delivered > deliveredBefore) return 'delivered';
  const isUnderWay = endpoint.waiting + endpoint.inFlight + endpoint.retrying > 0;
  return replayed > 0 && isUnderWay ? 'nothing' : 'discarded';
}

const NOTHING: EndpointFacts = { waiting: 0, inFlight: 0, retrying: 0, dead: 0, delivered: 0 };

/** The channel was removed from the configuration. */
const REMOVED = { reason: 'no service has this channel' };
