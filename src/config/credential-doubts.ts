import { toJsonPath } from '../core/problem.ts';
import type { AuthConfig } from './client-config.ts';
import type { IncidentChannel } from './incidents-config.ts';

/** A credential that is probably not meant as it stands, though it can be sent. Never holds its value. */
export interface CredentialDoubt {
  /** Its path from the client on, such as `auth.clientSecret`; of a channel the whole path. */
  readonly setting: string;
  /** What is around it. */
  readonly around: 'quotes' | 'blanks';
}

/**
 * The credentials of a client that have quotes or blanks around them. `docker --env-file` passes on quotes that a
 * shell takes away; a server then answers that the credential is wrong. No setting beside them can have any.
 */
export function findCredentialDoubts(auth: AuthConfig): CredentialDoubt[] {
  // The files and the passphrase of tls were tried when the configuration was read.
  const sent = Object.fromEntries(Object.entries(auth).filter(([key]) => key !== 'tls'));
  // What a token service is sent may be any text that the client thinks of.
  const settings = auth.type === 'oauth2' ? { ...sent, secretParameters: undefined } : sent;
  return doubtsIn(settings, ['auth'], auth.type === 'token_service');
}

/** The same for the channels of incidents; settings are such as `incidents.notify[0].routingKey`. */
export function findChannelDoubts(channels: readonly IncidentChannel[]): CredentialDoubt[] {
  return doubtsIn(channels, ['incidents', 'notify'], false);
}

function doubtsIn(node: unknown, keys: readonly PropertyKey[], mayHaveBlanks: boolean): CredentialDoubt[] {
  if (Array.isArray(node)) return node.flatMap((item, at) => doubtsIn(item, [...keys, at], mayHaveBlanks));
  if (typeof node === 'object' && node !== null) {
    return Object.entries(node).flatMap(([key, value]) => doubtsIn(value, [...keys, key], mayHaveBlanks));
  }
  if (typeof node !== 'string') return [];
  const setting = toJsonPath(keys).slice('$.'.length);
  if (node.length > 1 && /^(["']).*\1$/s.test(node)) return [{ setting, around: 'quotes' }];
  return node !== node.trim() && !mayHaveBlanks ? [{ setting, around: 'blanks' }] : [];
}
