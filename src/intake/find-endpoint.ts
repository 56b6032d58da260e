import type { ResolvedClient } from '../config/config-schema.ts';
import type { EventType } from '../core/event-type.ts';
import { findEventType, KNOWN_TYPES } from '../core/event-types.ts';
import { quoteText } from '../core/quote-text.ts';
import { type Refused, refusal } from './submit-result.ts';

/** The clients of a configuration, by their names. */
export type Clients = Readonly<Record<string, ResolvedClient>>;

/** An endpoint that the configuration has: the settings of its client and its event type. */
export interface KnownEndpoint {
  readonly client: ResolvedClient;
  readonly type: EventType;
}

const MAX_NAME_LENGTH = 100;

/** Finds the endpoint of a client for an event type. The names may hold any value: JavaScript has no types. */
export function findEndpoint(
  clients: Clients,
  clientName: string,
  typeName: string,
): KnownEndpoint | Refused {
  const isKnown = typeof clientName === 'string' && Object.hasOwn(clients, clientName);
  const client = isKnown ? clients[clientName] : undefined;
  if (client === undefined) {
    return refusal('UNKNOWN_CLIENT', `client ${showName(clientName)} is not in the configuration`);
  }
  const type = findEventType(typeName);
  if (type === undefined) {
    return refusal('UNKNOWN_EVENT_TYPE', `${showName(typeName)} is not an event type; ${KNOWN_TYPES}`);
  }
  if (client.endpoints[typeName] === undefined) {
    return refusal('NO_ENDPOINT', `client "${clientName}" has no endpoint for ${typeName}`);
  }
  return { client, type };
}

function showName(name: unknown): string {
  return typeof name === 'string' ? quoteText(name, MAX_NAME_LENGTH) : `(a name of type ${typeof name})`;
}
