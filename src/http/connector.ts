import { lookup as dnsLookup } from 'node:dns';
import type { Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { buildConnector } from 'undici';
import { WaybillError } from '../core/waybill-error.ts';
import { createLookup, guardSocket, refuseAddress } from './address-guard.ts';
import type { Lookup } from './share-questions.ts';

/** What a client's connections are made with; certificates and key are PEM texts, not file names. */
export interface ConnectorOptions {
  /** Whether loopback, private and other special addresses may be connected to. */
  readonly allowPrivateNetwork: boolean;
  /** `ca` takes the place of the public authorities, as in Node. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** Default: `dns.lookup`. */
  readonly lookup?: Lookup;
}

/** Opens a socket and returns it at once; the callback has it when it is connected (and TLS established). */
export type Connector = (options: buildConnector.Options, callback: buildConnector.Callback) => Socket;

/** Builds the function that opens sockets. Throws `TLS_SETTINGS_INVALID` where certificate or key are unfit. */
export function createConnector({ allowPrivateNetwork, tls, lookup }: ConnectorOptions): Connector {
  const connect = buildConnector({
    // Disabled: the deadline of each request ends a connect that takes too long.
    timeout: 0,
    allowH2: false,
    minVersion: 'TLSv1.2',
    lookup: createLookup(lookup ?? dnsLookup, allowPrivateNetwork ? () => undefined : refuseAddress),
    ...(tls === undefined ? {} : { secureContext: buildSecureContext(tls) }),
  }) as Connector; // Its type leaves out that it returns the socket.
  if (allowPrivateNetwork) return connect;
  return (options, callback) => {
    const socket = connect(options, callback);
    guardSocket(socket, options.hostname);
    return socket;
  };
}

/** One for all connections: parsing certificates costs as much as a handshake. */
function buildSecureContext(
  tls: NonNullable<ConnectorOptions['tls']>,
): ReturnType<typeof createSecureContext> {
  try {
    return createSecureContext({ minVersion: 'TLSv1.2', ...tls });
  } catch (cause) {
    throw new WaybillError('TLS_SETTINGS_INVALID', 'the TLS certificate, key or authority cannot be used', {
      cause,
    });
  }
}
