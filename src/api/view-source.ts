import type { EndpointHistory } from '../observability/endpoint-history.ts';
import type { ClientView } from '../queue/client-view.ts';

/** All clients by their names. */
export type Views = ReadonlyMap<string, ClientView>;

/** A reading of all clients, or why Redis could not be read. `at`: ms since the epoch. */
export type Reading =
  | {
      readonly at: number;
      readonly views: Views;
      /** Clients whose server of a Cluster is away. */
      readonly unread: readonly string[];
      /** Worker processes; undefined: nobody asked, or Redis does not say. */
      readonly services: number | undefined;
      readonly reason?: undefined;
    }
  | {
      readonly at: number;
      readonly views?: undefined;
      readonly unread?: undefined;
      readonly services?: undefined;
      readonly reason: string;
    };

/** Where readings of all clients come from. */
export interface ViewSource {
  readonly history: EndpointHistory;
  /** Undefined: there was none yet. */
  readonly latest: Reading | undefined;
  /** Readings come more often while somebody watches. @returns what ends it */
  /** Has a reading come as soon as one may: something was changed. */
  readSoon(): void;
  watch(listener: (reading: Reading) => void): () => void;
}
