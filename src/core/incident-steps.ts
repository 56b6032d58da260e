import type { Incident, IncidentCause, IncidentEnd } from './incident.ts';
import type { PaceState } from './pace.ts';

/** How an endpoint is: its pace, and whether it refuses events in a row. Times in ms of Redis' clock; 0: for ever. */
export interface EndpointNews {
  readonly type: string;
  readonly state: PaceState;
  readonly stateSince: number;
  /** Since when nothing was delivered while it is down; otherwise 0. */
  readonly downFrom: number;
  /** Slowed: it fails altogether. */
  readonly failing: boolean;
  /** Client errors that are about the event since the last delivery, and when the first of them came; 0: there are none. */
  readonly judged: number;
  readonly judgedFrom: number;
}

/** An incident as it stands in Redis, with the news of its endpoint. */
export interface OpenIncident extends Omit<Incident, 'waiting'>, EndpointNews {
  /** How many events had died when that was told last, at least 1; 0: nothing was told. */
  readonly told: number;
  /** 1: it was told that the endpoint is down. */
  readonly toldDown: number;
  /** How many events of its type had been delivered when it opened, or when the last one died. */
  readonly deliveredBefore: number;
  /** How many of its dead letters were replayed and have not died again: they may be on their way. */
  readonly replayed: number;
}

/** What an incident needs to know of its endpoint's events. */
export interface EndpointEvents {
  readonly waiting: number;
  readonly inFlight: number;
  readonly retrying: number;
  /** Dead letters. */
  readonly dead: number;
  readonly delivered: number;
}

/** How an incident is told, and when. */
export interface IncidentTiming {
  /** ms of Redis' clock */
  readonly now: number;
  /** How long an endpoint has to be down before that is told. */
  readonly downAfterMs: number;
}

/** What is to be done about an incident now: nothing, a notice, to forget that it was, or its end. */
export type NextStep = 'nothing' | 'opened' | 'down' | 'grew' | 'dropped' | IncidentEnd;

/** By how much an incident has to grow since its last notice for the next one. */
const GROWTH = 10;
/** This number of refused events in a row, over this time, opens an incident. */
const JUDGED = { count: 100, overMs: 300_000 };
/** For how long an endpoint has to be open before its incident closes. */
const OPEN_MS = 300_000;

/** Down again within this time of the end, in ms, it is the same incident. */
export const SAME_MS = 600_000;

/**
 * Why an endpoint without an incident is to have one; undefined: it is not. A row of refused events began at least five
 * minutes ago; events that were delivered in the same settlement as a refused one break it.
 */
export function causeToOpen(news: EndpointNews, now: number): Exclude<IncidentCause, 'died'> | undefined {
  if (news.state === 'down') return 'down';
  const { judged, judgedFrom } = news;
  return judged >= JUDGED.count && now - judgedFrom >= JUDGED.overMs ? 'judged' : undefined;
}

/**
 * Decides what is to be done about an incident. Its opening is told before its close. It closes once no dead letter is
 * left, the endpoint has been open for five minutes, and an event was delivered since the last one died, or no replayed
 * or refused one can be among the endpoint's events on their way.
 */
export function nextStep(incident: OpenIncident, events: EndpointEvents, timing: IncidentTiming): NextStep {
  const { told, toldDown, count, left, deliveredBefore, replayed, cause } = incident;
  if (told === 0) return firstStep(incident, timing);
  if (count >= told * GROWTH) return 'grew';
  if (toldDown === 0 && isDownLong(incident, timing)) return 'down';
  if (left > 0 && events.dead > 0) return 'nothing';
  if (incident.state !== 'open' || timing.now - incident.stateSince < OPEN_MS) return 'nothing';
  if (events.delivered > deliveredBefore) return 'delivered';
  const isUnderWay = events.waiting + events.inFlight + events.retrying > 0;
  if (isUnderWay && (replayed > 0 || cause === 'judged')) return 'nothing';
  return count > 0 ? 'discarded' : 'quiet';
}

/** An endpoint that was down for a moment is not worth a word; one that comes and goes is. */
function firstStep(incident: OpenIncident, { now, downAfterMs }: IncidentTiming): NextStep {
  if (incident.cause !== 'down' || incident.count > 0) return 'opened';
  if (incident.state === 'open') return now - incident.stateSince >= OPEN_MS ? 'dropped' : 'nothing';
  if (incident.state === 'slowed' && !incident.failing) return 'nothing';
  return now - incident.openedAt >= downAfterMs ? 'opened' : 'nothing';
}

function isDownLong({ state, stateSince }: OpenIncident, { now, downAfterMs }: IncidentTiming): boolean {
  return state === 'down' && now - stateSince >= downAfterMs;
}
