/*
 * What the run and its judge tell each other. Times are milliseconds since the epoch.
 */

/** One request that the judge received: a tuple, since there are a hundred thousand of them. */
export type Sighting = readonly [
  unit: number,
  eventId: string,
  attempt: number,
  at: number,
  /** 0: the sender left before the answer. */
  status: number,
  answeredAt: number,
];

/** How the endpoint treats all requests: as the fate of each event wants, or otherwise. */
export type Behaviour = 'well' | 'refuse' | 'answer 503' | 'hang';

/** Commands of the judge's process; a type, since a child's commands must be indexable. */
export type JudgeCommands = {
  /** Listens on loopback; answers with the port. */
  listen(argument: undefined): Promise<number>;
  /** Behaves so from now on. `refuse` ends all connections; `answer 503` is for what comes beyond a rate. */
  behave(behaviour: Behaviour): Promise<void>;
  /** How many requests came so far. */
  count(argument: undefined): Promise<number>;
  /** All requests, in their order, and what was no request of an event. */
  report(argument: undefined): Promise<{ sightings: Sighting[]; strange: string[] }>;
};
