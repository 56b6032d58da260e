import type { Redis } from 'ioredis';
import type { ClosedIncident, Incident, IncidentNotice, NoticeKind } from '../core/incident.ts';
import type { Log } from '../core/log.ts';
import { readDeadLetters } from '../queue/dead-letter-queue.ts';
import { type IncidentFacts, readIncidentFacts } from '../queue/incident-facts.ts';
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
import { nextStep } from './next-step.ts';
import type { Teller } from './teller.ts';

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
  readonly log: Log;
  /** A name that no other keeper has. */
  readonly name: string;
  /** For how long a client's notices for a channel are this keeper's since the last look, in ms; several looks long. */
  readonly claimMs: number;
  /** ms since the epoch */
  now(): number;
}

/** While a client has so many notices that wait for channels, what else is to be told of it waits too. */
const MOST_NOTICES = 200;

/** How long a notice waits for a service that knows its channel, in milliseconds; then it is dropped. */
const STRAY_MS = 600_000;

/**
 * Builds a keeper. What is to be told is first written to Redis, in the step that notes it as told, and forgotten
 * there once it was: a keeper that is lost in between forgets nothing, and only what it was just telling is repeated.
 */
export function createKeeper({ redis, clients, teller, log, name, claimMs, now }: KeeperParts): Keeper {
  function noticeOf(kind: NoticeKind, incident: Incident): IncidentNotice {
    const id = `${incident.client}.${incident.type}.${incident.openedAt}.${kind}.${incident.count}`;
    return { id, kind, at: now(), incident };
  }

  /** The clients whose incidents wait for their notices. */
  const crowded = new Set<string>();

  async function tend(incident: OpenIncident, facts: IncidentFacts): Promise<void> {
    const step = nextStep(incident, facts);
    if (step.kind === 'nothing') return;
    const plain = plainIncident(incident);
    if (step.kind !== 'closed') {
      await noteTold(redis, incident, noticeOf(step.kind, plain), teller.channels);
      return;
    }
    // Dead letters from before it opened are taken off its count, too, when they go.
    const standing = facts.dead === 0 ? 0 : await countStanding(incident);
    if (standing > 0) {
      await correctLeft(redis, incident, standing);
      return;
    }
    const closed: ClosedIncident = { ...plain, left: 0, closedAt: now(), end: step.end };
    await closeIncident(redis, incident, closed, noticeOf('closed', closed), teller.channels);
  }

  async function countStanding({ client, type }: Incident): Promise<number> {
    let standing = 0;
    for await (const page of readDeadLetters(redis, client, { type })) {
      standing += page.filter((event) => event.type === type).length;
    }
    return standing;
  }

  /** Says so once, and says when it is over. */
  function isCrowded(client: string, notices: readonly PendingNotice[]): boolean {
    const waiting = notices.length;
    if (waiting >= MOST_NOTICES) {
      if (!crowded.has(client)) log.warn({ client, waiting }, 'incidents not told until earlier notices are');
      crowded.add(client);
      return true;
    }
    if (crowded.delete(client)) log.info({ client, waiting }, 'incidents told again');
    return false;
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
        if (known === undefined || isCrowded(client, notices)) return [];
        return open.map((incident) => tend(incident, known));
      }),
    );
  }

  /** Those of a channel that only another service's configuration has are that service's. */
  function isOurs({ channel, notice }: PendingNotice): boolean {
    return teller.channels.includes(channel) || now() - notice.at > STRAY_MS;
  }

  /** Each channel by itself: one that hangs here keeps no other service from telling those that it alone has. */
  async function claimOurs(client: string, notices: readonly PendingNotice[]): Promise<Set<string>> {
    const claimed = new Set<string>();
    for (const channel of new Set(notices.filter(isOurs).map((pending) => pending.channel))) {
      if (await claimNotices(redis, client, channel, name, claimMs)) claimed.add(channel);
    }
    return claimed;
  }

  /** What stands there is read once it is this keeper's: another one may have told what was seen before. */
  async function tellAll(some: readonly string[]): Promise<void> {
    for (const [client, { notices }] of await readIncidents(redis, some)) {
      const claimed = await claimOurs(client, notices);
      if (claimed.size === 0) continue;
      const state = (await readIncidents(redis, [client])).get(client);
      const ours = state?.notices.filter((one) => claimed.has(one.channel) && isOurs(one)) ?? [];
      for (const pending of ours) teller.take(client, pending);
    }
  }

  return {
    async look() {
      teller.beginLook();
      const states = await readIncidents(redis, clients);
      // Nearly always nothing is the matter with anybody.
      if (states.size === 0) return;
      await tendAll(states);
      await tellAll([...states.keys()]);
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
