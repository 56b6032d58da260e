import { isIP, type LookupFunction, type Socket } from 'node:net';
import { specialRangeOf } from '../config/special-addresses.ts';
import { withoutBrackets } from '../core/host-port.ts';
import { WaybillError } from '../core/waybill-error.ts';
import { type Lookup, shareQuestions } from './share-questions.ts';

/** The code of the error that says that an address may not be connected to. */
export const ADDRESS_REFUSED = 'ADDRESS_REFUSED';

/** Says why an address may not be connected to; `undefined`: it may. `host` is the name that led to it. */
export function refuseAddress(host: string, address: string): WaybillError | undefined {
  const range = specialRangeOf(address);
  if (range === undefined) return undefined;
  const found = host === address ? host : `${host} resolves to ${address}, which`;
  const block = range.cidr === '' ? '' : ` (${range.cidr})`;
  return new WaybillError(
    ADDRESS_REFUSED,
    `${found} is ${range.name}${block}: not connected to without allowPrivateNetwork: true`,
  );
}

/** Checks a URL's host if it is an address itself, which Node connects to without asking `lookup`. */
export function refuseLiteral(hostname: string): WaybillError | undefined {
  const address = withoutBrackets(hostname);
  return isIP(address) === 0 ? undefined : refuseAddress(address, address);
}

/** Ends a socket as soon as it is connected to an address that is not allowed, before a byte is sent. */
export function guardSocket(socket: Socket, host: string): void {
  // Before the listener that starts TLS, or writes the request.
  socket.prependOnceListener('connect', () => {
    const refusal = refuseAddress(host, socket.remoteAddress ?? '');
    if (refusal !== undefined) socket.destroy(refusal);
  });
}

/**
 * Makes the `lookup` for sockets. Connections that open at the same time share one question to the resolver.
 * Only addresses that `refuse` lets pass are used; if none is left, the first one's refusal is the
 * error. `preferred` has, by name, the address that comes first.
 */
export function createLookup(
  lookup: Lookup,
  refuse: typeof refuseAddress,
  preferred: ReadonlyMap<string, string> = new Map(),
): LookupFunction {
  const resolve = shareQuestions(lookup);

  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const allowed = addresses.filter(({ address }) => refuse(hostname, address) === undefined);
      const best = preferred.get(hostname);
      allowed.sort((one, other) => Number(other.address === best) - Number(one.address === best));
      const [first] = allowed;
      if (first === undefined) {
        const [refused] = addresses;
        const why = refused && refuse(hostname, refused.address);
        return callback(why ?? new WaybillError('ENOTFOUND', `${hostname} has no address`), []);
      }
      return options.all === true ? callback(null, allowed) : callback(null, first.address, first.family);
    });
  };
}
