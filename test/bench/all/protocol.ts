import type { RedisLocation } from '../../../src/queue/redis-options.ts';
import type { CapacityLimits } from './capacity.ts';
import type { SecondOfRequests } from './request-counts.ts';

/*
 * What the measures of `--all` ask of their child processes: each command takes one argument and has one answer.
 */

/** What an engine delivers, and from where. */
export interface EngineOrder {
  /** The configuration, as JSON. */
  readonly config: string;
  readonly redis: RedisLocation;
}

/** What a process uses. */
export interface ProcessUse {
  readonly rssBytes: number;
  /** Since the process began. */
  readonly cpuMs: number;
}

/** Failed attempts, in attempts. */
export interface Failures {
  /** Of events that had not been sent before. */
  readonly first: number;
  readonly retries: number;
}

/** Commands of a process with an engine. */
export type EngineCommands = {
  start(order: EngineOrder): Promise<void>;
  /** Collects the garbage before, where it is asked to. */
  use(collect: boolean): Promise<ProcessUse>;
  /** Attempts that failed since the engine was started, as its log tells them. */
  failures(argument: undefined): Promise<Failures>;
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

/** Commands of a process with an endpoint of limited capacity, which answers 503 beyond it. */
export type LimitedEndpointCommands = {
  /** Listens on loopback; answers with the port. */
  listen(limits: CapacityLimits): Promise<number>;
  /** Ends all connections and refuses new ones. */
  refuse(argument: undefined): Promise<void>;
  /** Listens on the same port again; answers with the time, in ms of a clock that all processes share. */
  accept(argument: undefined): Promise<number>;
  /** What was answered in each second since the first request. */
  counts(argument: undefined): Promise<readonly SecondOfRequests[]>;
  /** When each event was answered with 200, in their order. */
  deliveries(argument: undefined): Promise<readonly Arrival[]>;
};
