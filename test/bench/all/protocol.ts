/*
 * What the measures of `--all` ask of their child processes: each command takes one argument and has one answer.
 */

/** What an engine delivers, and from where. */
export interface EngineOrder {
  /** The configuration, as JSON. */
  readonly config: string;
  readonly redisSocket: string;
}

/** What a process uses. */
export interface ProcessUse {
  readonly rssBytes: number;
  /** Since the process began. */
  readonly cpuMs: number;
}

/** Commands of a process with an engine. */
export type EngineCommands = {
  start(order: EngineOrder): Promise<void>;
  /** Collects the garbage before, where it is asked to. */
  use(collect: boolean): Promise<ProcessUse>;
  stop(argument: undefined): Promise<void>;
};

/** An event's number, and when its first byte came, in ms of a clock that all processes share. */
export type Arrival = readonly [number: number, at: number];

/** Commands of a process with an endpoint. */
export type EndpointCommands = {
  /** Listens on loopback; answers with the port. `/hole` never answers, `/broken` answers 500. */
  listen(argument: undefined): Promise<number>;
  /** Forgets what came, and from now on keeps when each event came, but for those that fall into the hole. */
  begin(argument: undefined): Promise<void>;
  /** Answers once so many events came. */
  arrivals(count: number): Promise<readonly Arrival[]>;
};
