import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Config, ResolvedClient } from '../config/config-schema.ts';
import type { ApiKey, HttpConfig } from '../config/http-config.ts';
import type { EventFate } from '../core/event-fate.ts';
import type { Log } from '../core/log.ts';
import type { Connection } from '../queue/servers.ts';
import type { Access } from './keys.ts';
import type { SubmitEvent } from './submit-events.ts';
import type { ViewSource } from './view-source.ts';

/** The configuration as it stands: it may be read anew while the server runs. */
export interface PresentConfig {
  readonly clients: Readonly<Record<string, ResolvedClient>>;
  readonly keys: readonly ApiKey[];
  /** How long dead letters are kept; undefined: for ever. */
  readonly keepDays: number | undefined;
  /** All of it. */
  readonly config: Config;
}

/** What the API is made from. */
export interface ApiParts {
  readonly version: string;
  /** Limits and time-outs; its keys are those of `current`. */
  readonly http: HttpConfig;
  current(): PresentConfig;
  readonly submit: SubmitEvent;
  /** An `operator` connection, for all but `submit`. */
  readonly redis: Connection;
  /** Finds out what became of an event of one of these clients; undefined: nothing is known of it. */
  lookUpEvent(id: string, clients: readonly string[]): Promise<EventFate | undefined>;
  /** Regular readings of all clients, and their history. */
  readonly views: ViewSource;
  readonly log: Log;
  /** ms since the epoch */
  now(): number;
  newId(): string;
  /** Told why a request was answered with a status from 500 on, but for faults of Waybill's own. */
  onUnavailable(error: Error): void;
}

/** The server, whose routes are typed by their zod schemas. */
export type ApiServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may use a route. Absent: who may read, if it only reads, or else who may operate. */
    access?: Access;
    /** The media types of bodies that it takes. Absent: JSON. */
    takes?: readonly string[];
  }
  interface FastifyRequest {
    keyName: string | undefined;
    /** The clients that its key is for, as they were configured when it came. */
    clients: PresentConfig['clients'];
    /** Whether an operator's request began a change while Redis was there; undefined: it did not begin. */
    mayBeDone: boolean | undefined;
  }
}
