import type { Redis } from 'ioredis';
import type { ClosedIncident, Incident, IncidentNotice, NoticeKind } from '../core/incident.ts';
import {
  claimNotices,
  closeIncident,
  type IncidentFacts,
  type IncidentState,
  noteTold,
  type OpenIncident,
  type PendingNotice,
  readIncidentFacts,
  readIncidents,
} from '../queue/incident-store.ts';
import { nextStep } from './next-step.ts';
import { LOG_CHANNEL, type Teller } from './teller.ts';

/** Looks after the incidents of all clients. Any number of keepers may do so on one Redis. */
export interface Keeper {
  /** Looks once, and takes in hand what is to be told. @throws errors of Redis */
  look(): Promise<void>;
}

/** What a keeper needs. */
export interface KeeperParts {
  readonly redis: Redis;
  readonly clients: readonly string[];
  readonly teller: Teller;
  /** A name that no other keeper has. */
  readonly name: string;
  /** For how long a client's notices are this keeper's since the last look, in ms; several looks long. */
  readonly claimMs: number;
  /** ms since the epoch */
  now(): number;
}

/** A client with more notices than this that wait for a channel has further ones told by the log alone. */
const MOST_NOTICES = 200;

/** How long a notice waits for a service that knows its channel, in milliseconds; then it is dropped. */
const STRAY_MS = 600_000;

/**
 * Builds a keeper. What is to be told is first written to Redis, in the step that notes it as told, and forgotten
 * there once it was: a keeper that is lost in between forgets nothing, and only what it was just telling is repeated.
 */
export function createKeeper({ redis, clients, teller, name, claimMs, now }: KeeperParts): Keeper {
  function noticeOf(kind: NoticeKind, incident: Incident): IncidentNotice {
    const id = `${incident.client}.${incident.type}.${incident.openedAt}.${kind}.${incident.count}`;
    return { id, kind, at: now(), incident };
  }

  async function tend(
    incident: OpenIncident,
    facts: IncidentFacts,
    channels: readonly string[],
  ): Promise<void> {
    const step = nextStep(incident, facts);
    if (step.kind === 'nothing') return;
    const plain = plainIncident(incident);
    if (step.kind !== 'closed') {
      await noteTold(redis, incident, noticeOf(step.kind, plain), channels);
      return;
    }
    const closed: ClosedIncident = { ...plain, left: 0, closedAt: now(), end: step.end };
    await closeIncident(redis, incident, closed, noticeOf('closed', closed), channels);
  }

  async function tendAll(states: ReadonlyMap<string, IncidentState>): Promise<void> {
    const failing = [...states].filter(([, { open }]) => open.length > 0);
    const facts = await readIncidentFacts(
      redis,
      failing.map(([client]) => client),
    );
    await Promise.all(
      failing.flatMap(([client, { open, notices }]) => {
        const known = facts.get(client);
        const channels = notices.length < MOST_NOTICES ? teller.channels : [LOG_CHANNEL];
        return known === undefined ? [] : open.map((incident) => tend(incident, known, channels));
      }),
    );
  }

  /** Those of a channel that only another service's configuration has are that service's. */
  function isOurs({ channel, notice }: PendingNotice): boolean {
    return teller.channels.includes(channel) || now() - notice.at > STRAY_MS;
  }

  /** What stands there is read once it is this keeper's: another one may have told what was seen before. */
  async function tellAll(): Promise<void> {
    for (const [client, { notices }] of await readIncidents(redis, clients)) {
      if (!notices.some(isOurs) || !(await claimNotices(redis, client, name, claimMs))) continue;
      const claimed = await readIncidents(redis, [client]);
      for (const pending of claimed.get(client)?.notices.filter(isOurs) ?? []) teller.take(client, pending);
    }
  }

  return {
    async look() {
      teller.beginLook();
      const states = await readIncidents(redis, clients);
      // Nearly always nothing is the matter with anybody.
      if (states.size === 0) return;
      await tendAll(states);
      await tellAll();
    },
  };
}

function plainIncident({
  client,
  type,
  openedAt,
  failingSince,
  lastAt,
  count,
  left,
  failures,
}: OpenIncident): Incident {
  return { client, type, openedAt, failingSince, lastAt, count, left, failures };
}
