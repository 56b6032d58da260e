import pRetry from 'p-retry';
import { type IncidentNotice, incidentId, type NoticeKind } from '../core/incident.ts';
import { type EndpointEvents, type NextStep, nextStep, type OpenIncident } from '../core/incident-steps.ts';
import type { Log } from '../core/log.ts';
import { readClientViews } from '../queue/client-view.ts';
import {
  changeIncident,
  claimNotices,
  type IncidentState,
  noticeField,
  type PendingNotice,
  readIncidents,
  readIncidentsInReach,
} from '../queue/incident-store.ts';
import { unreadText } from '../queue/read-of-each.ts';
import type { Connection } from '../queue/servers.ts';
import { forgetNotice } from '../queue/told-notices.ts';
import { collectExamples } from './collect-examples.ts';
import { logNotice } from './describe-notice.ts';
import type { NoticeChannel } from './notice-channel.ts';
import { openFailing } from './open-failing.ts';
import { withWaiting } from './read-incidents.ts';

/** What a monitor needs. */
export interface IncidentMonitorParts {
  readonly redis: Connection;
  readonly clients: readonly string[];
  readonly channels: readonly Omit<NoticeChannel, 'close'>[];
  readonly log: Log;
  /** A name that no other monitor has. */
  readonly name: string;
  /** How long this monitor's claim on a client's notices for a channel lasts, in ms; several checks long. */
  readonly claimMs: number;
  /** How long an endpoint has to be down before that is told, in ms. */
  readonly downAfterMs: number;
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

/** How soon Redis is asked again to forget a notice that was sent, in milliseconds. */
const FORGET_AGAIN = { retries: Number.POSITIVE_INFINITY, minTimeout: 100, maxTimeout: 5_000, unref: true };

/**
 * Follows the incidents of all clients; any number of monitors may run on one Redis. A notice is written in the
 * step that marks its incident as told, and forgotten after it was sent: a kill loses none, and repeats only what
 * was being sent.
 */
export class IncidentMonitor {
  readonly #parts: IncidentMonitorParts;
  readonly #channels: ReadonlyMap<string, Omit<NoticeChannel, 'close'>>;
  readonly #crowded = new Set<string>();
  /** The fields of the notices that are being sent, or wait for their turn. */
  readonly #held = new Set<string>();
  /** By channel: what its next notice waits for. A channel that hangs delays no other. */
  readonly #tails = new Map<string, Promise<void>>();

  constructor(parts: IncidentMonitorParts) {
    this.#parts = parts;
    this.#channels = new Map(parts.channels.map((channel) => [channel.name, channel]));
  }

  /**
   * Checks all endpoints once, and begins to send the notices of their incidents.
   *
   * @throws errors of Redis, and one that tells how many clients could not be read; the others were
   */
  async check(): Promise<void> {
    const { redis, clients } = this.#parts;
    const { states, unread } = await readIncidentsInReach(redis, clients);
    // Nearly always no client has an incident.
    if (states.size > 0) await this.#follow(states);
    if (unread.length > 0) throw new Error(unreadText(unread));
  }

  async #follow(found: ReadonlyMap<string, IncidentState>): Promise<void> {
    const { redis } = this.#parts;
    const isNew = await openFailing(redis, found);
    const states = isNew ? await readIncidents(redis, [...found.keys()]) : found;
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
      failing.flatMap(([client, { open, notices, now }]) => {
        const endpoints = views.get(client)?.endpoints;
        if (endpoints === undefined || this.#isCrowded(client, notices.length)) return [];
        return open.map((incident) => this.#update(incident, endpoints[incident.type] ?? NOTHING, now));
      }),
    );
  }

  /** @param now ms of Redis' clock */
  async #update(incident: OpenIncident, events: EndpointEvents, now: number): Promise<void> {
    const { redis, downAfterMs } = this.#parts;
    const step = nextStep(incident, events, { now, downAfterMs });
    switch (step) {
      case 'nothing':
        return;
      case 'opened':
      case 'down':
      case 'grew':
        await this.#tellOf(incident, events, step);
        return;
      case 'dropped':
        await changeIncident(redis, incident, { closed: 'dropped' });
        return;
    }
    if (events.dead > 0) {
      // The incident's count also lost the dead letters from before it opened, when those went.
      await changeIncident(redis, incident, { left: events.dead });
      return;
    }
    const closed = { ...withWaiting(incident, events), left: 0, closedAt: this.#parts.now(), end: step };
    await changeIncident(redis, incident, { closed, notices: this.#noticesOf('closed', closed) });
  }

  async #tellOf(incident: OpenIncident, events: EndpointEvents, step: NextStep): Promise<void> {
    const { redis } = this.#parts;
    await changeIncident(redis, incident, {
      told: Math.max(1, incident.count),
      toldDown: incident.state === 'down',
      // Once it is over, the events that show what came back are delivered or discarded.
      examples: await collectExamples(redis, incident),
      notices: this.#noticesOf(step === 'opened' ? step : 'grew', withWaiting(incident, events), step),
    });
  }

  /** A notice for each channel that is told of this client. */
  #noticesOf(kind: NoticeKind, incident: IncidentNotice['incident'], step: string = kind): PendingNotice[] {
    const id = `${incidentId(incident)}.${step}.${incident.count}`;
    const notice = { id, kind, at: this.#parts.now(), incident };
    const told = [...this.#channels.values()].filter(
      ({ client = incident.client }) => client === incident.client,
    );
    return [LOG_CHANNEL, ...told.map(({ name }) => name)].map((channel) => ({ channel, notice }));
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
    let reason: string | undefined;
    try {
      reason = await this.#tell(client, pending);
    } catch (error) {
      signal.throwIfAborted();
      reason = (error as Error).message;
      log.error({ client, channel: pending.channel, err: error }, 'incident not told');
    }
    const told = { at: this.#parts.now(), reason };
    await pRetry(() => forgetNotice(redis, client, pending, told), { ...FORGET_AGAIN, signal });
  }

  /** @returns why the channel did not take it */
  async #tell(client: string, { channel, notice }: PendingNotice): Promise<string | undefined> {
    const { log, signal } = this.#parts;
    if (channel === LOG_CHANNEL) {
      logNotice(log, notice);
      return undefined;
    }
    const result = (await this.#channels.get(channel)?.send(notice, signal)) ?? REMOVED;
    const facts = { client, incident: incidentId(notice.incident), kind: notice.kind, channel, ...result };
    if (result.reason === undefined) log.debug(facts, 'incident told');
    else log.error(facts, 'incident not told');
    return result.reason;
  }
}

const NOTHING: EndpointEvents = { waiting: 0, inFlight: 0, retrying: 0, dead: 0, delivered: 0 };

/** The channel was removed from the configuration. */
const REMOVED = { reason: 'no service has this channel' };
