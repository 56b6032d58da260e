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

/** Commands of the judge's process; a type, since a child's commands must be indexable. */
export type JudgeCommands = {
  /** Listens on loopback; answers with the port. */
  listen(argument: undefined): Promise<number>;
  /** How many requests came so far. */
  count(argument: undefined): Promise<number>;
  /** All requests, in their order, and what was no request of an event. */
  report(argument: undefined): Promise<{ sightings: Sighting[]; strange: string[] }>;
};
