import type { Redis } from 'ioredis';
import type { ClosedIncident, Incident, IncidentEnd, IncidentNotice, NoticeKind } from '../core/incident.ts';
import type { Log } from '../core/log.ts';
import { type ClientView, type EventCounts, readClientViews } from '../queue/client-view.ts';
import {
  claimNotices,
  closeIncident,
  correctLeft,
  type IncidentState,
  noteTold,
  type OpenIncident,
  type PendingNotice,
  readIncidents,
} from '../queue/incident-store.ts';
import type { Notifier } from './notifier.ts';

/** What a monitor needs. */
export interface IncidentMonitorParts {
  readonly redis: Redis;
  readonly clients: readonly string[];
  readonly notifier: Notifier;
  readonly log: Log;
  /** A name that no other monitor has. */
  readonly name: string;
  /** How long this monitor's claim on a client's notices for a channel lasts, in ms; several rounds long. */
  readonly claimMs: number;
  /** ms since the epoch */
  now(): number;
}

/** While a client has this many notices waiting for channels, no further ones are made for it. */
const MOST_NOTICES = 200;

/** How long a notice waits for a service that has its channel, in milliseconds; then it is dropped. */
const STRAY_MS = 600_000;

/** By how much an incident has to grow since its last notice for the next one. */
const GROWTH = 10;

/**
 * Notices what becomes of the incidents of all clients. Any number of monitors may run on one Redis. A notice is
 * first written to Redis, in the step that notes the incident as told, and forgotten there once it was sent: after a
 * kill nothing is missing, and only the notices that were just being sent are repeated.
 */
export class IncidentMonitor {
  readonly #parts: IncidentMonitorParts;
  readonly #crowded = new Set<string>();

  constructor(parts: IncidentMonitorParts) {
    this.#parts = parts;
  }

  /** Reads all incidents once, and hands the notices to the notifier. @throws errors of Redis */
  async check(): Promise<void> {
    const { redis, clients, notifier } = this.#parts;
    notifier.beginRound();
    const states = await readIncidents(redis, clients);
    // Nearly always no client has an incident.
    if (states.size === 0) return;
    await this.#updateAll(states);
    await this.#notifyAll([...states.keys()]);
  }

  async #updateAll(states: ReadonlyMap<string, IncidentState>): Promise<void> {
    const failing = [...states].filter(([, { open }]) => open.length > 0);
    const names = failing.map(([name]) => ({ name, endpoints: {} }));
    const views = await readClientViews(this.#parts.redis, names);
    await Promise.all(
      failing.flatMap(([client, { open, notices }]) => {
        const view = views.get(client);
        if (view === undefined || this.#isCrowded(client, notices)) return [];
        return open.map((incident) => this.#update(incident, view));
      }),
    );
  }

  async #update(incident: OpenIncident, { endpoints }: ClientView): Promise<void> {
    const { redis, notifier, now } = this.#parts;
    const counts = endpoints[incident.type] ?? NOTHING;
    const step = nextStep(incident, counts);
    const plain = plainIncident(incident);
    if (step === 'opened' || step === 'grew') {
      await noteTold(redis, incident, this.#noticeOf(step, plain), notifier.channels);
    }
    if (step !== 'delivered' && step !== 'discarded') return;
    // The incident's count also lost the dead letters from before it opened, when those went.
    if (counts.dead > 0) {
      await correctLeft(redis, incident, counts.dead);
      return;
    }
    const closed: ClosedIncident = { ...plain, left: 0, closedAt: now(), end: step };
    await closeIncident(redis, incident, closed, this.#noticeOf('closed', closed), notifier.channels);
  }

  #noticeOf(kind: NoticeKind, incident: Incident): IncidentNotice {
    const id = `${incident.client}.${incident.type}.${incident.openedAt}.${kind}.${incident.count}`;
    return { id, kind, at: this.#parts.now(), incident };
  }

  /** Logs once that a client has too many waiting notices, and once that it no longer has. */
  #isCrowded(client: string, { length: waiting }: readonly PendingNotice[]): boolean {
    const { log } = this.#parts;
    const isCrowded = waiting >= MOST_NOTICES;
    if (isCrowded === this.#crowded.has(client)) return isCrowded;
    if (isCrowded) {
      this.#crowded.add(client);
      log.warn({ client, waiting }, 'too many notices wait: no new ones are made');
    } else {
      this.#crowded.delete(client);
      log.info({ client, waiting }, 'new notices are made again');
    }
    return isCrowded;
  }

  async #notifyAll(clients: readonly string[]): Promise<void> {
    const { redis, notifier } = this.#parts;
    for (const [client, { notices }] of await readIncidents(redis, clients)) {
      const claimed = await this.#claim(client, notices);
      if (claimed.size === 0) continue;
      // Read again under the claim: another monitor may have sent some meanwhile.
      const state = (await readIncidents(redis, [client])).get(client);
      for (const pending of state?.notices ?? []) {
        if (claimed.has(pending.channel) && this.#isOurs(pending)) notifier.add(client, pending);
      }
    }
  }

  /** Claims each channel by itself: one that hangs here keeps no other service from its own channels. */
  async #claim(client: string, notices: readonly PendingNotice[]): Promise<Set<string>> {
    const { redis, name, claimMs } = this.#parts;
    const channels = new Set(notices.filter((one) => this.#isOurs(one)).map(({ channel }) => channel));
    for (const channel of channels) {
      if (!(await claimNotices(redis, client, channel, name, claimMs))) channels.delete(channel);
    }
    return channels;
  }

  /** Skips channels that this service does not have; another one will send their notices. */
  #isOurs({ channel, notice }: PendingNotice): boolean {
    const { notifier, now } = this.#parts;
    return notifier.channels.includes(channel) || now() - notice.at > STRAY_MS;
  }
}

/** What is to be done about an incident now: nothing, a notice, or its end. */
export type NextStep = 'nothing' | 'opened' | 'grew' | IncidentEnd;

/** What an incident needs to know of its endpoint. */
export type EndpointFacts = Pick<EventCounts, 'waiting' | 'inFlight' | 'retrying' | 'dead' | 'delivered'>;

const NOTHING: EndpointFacts = { waiting: 0, inFlight: 0, retrying: 0, dead: 0, delivered: 0 };

/**
 * Decides what is to be done about an incident. Its opening is told before its close, however short it was. It
 * closes once no dead letter of it is left and an event of its type was delivered since the last one died, be it
 * replayed or fresh. It also closes once none is left and no replayed one can be on its way: all were discarded. If
 * other events of the endpoint are on their way, replayed ones may be among them.
 */
export function nextStep(incident: OpenIncident, endpoint: EndpointFacts): NextStep {
  const { told, count, left, deliveredBefore, replayed } = incident;
  if (told === undefined) return 'opened';
  if (count >= told * GROWTH) return 'grew';
  if (left > 0 && endpoint.dead > 0) return 'nothing';
  if (endpoint.delivered > deliveredBefore) return 'delivered';
  const isUnderWay = endpoint.waiting + endpoint.inFlight + endpoint.retrying > 0;
  return replayed > 0 && isUnderWay ? 'nothing' : 'discarded';
}

function plainIncident(incident: OpenIncident): Incident {
  const { client, type, openedAt, failingSince, lastAt, count, left, failures } = incident;
  return { client, type, openedAt, failingSince, lastAt, count, left, failures };
}
