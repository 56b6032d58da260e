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
 * shell takes away; a server then answers that the credential is wrong.
 */
export function findCredentialDoubts(auth: AuthConfig): CredentialDoubt[] {
  return doubtsOf(credentialsOf(auth), 'auth');
}

/** The same for the channels of incidents; settings are such as `incidents.notify[0].routingKey`. */
export function findChannelDoubts(channels: readonly IncidentChannel[]): CredentialDoubt[] {
  const credentials = channels.flatMap((channel, at): Credential[] => [
    ...textsIn(channel.headers, [at, 'headers']),
    ...('routingKey' in channel ? [{ keys: [at, 'routingKey'], text: channel.routingKey }] : []),
  ]);
  return doubtsOf(credentials, 'incidents.notify');
}

function doubtsOf(credentials: readonly Credential[], place: string): CredentialDoubt[] {
  return credentials.flatMap((credential) => {
    const around = findAround(credential);
    return around === undefined
      ? []
      : [{ setting: toJsonPath(credential.keys).replace(/^\$/, place), around }];
  });
}

function findAround({ text, mayHaveBlanks }: Credential): CredentialDoubt['around'] | undefined {
  if (text.length > 1 && /^(["']).*\1$/s.test(text)) return 'quotes';
  return text !== text.trim() && mayHaveBlanks !== true ? 'blanks' : undefined;
}

interface Credential {
  readonly keys: readonly PropertyKey[];
  readonly text: string;
  /** Whether the text may be any that a client thinks of. */
  readonly mayHaveBlanks?: boolean;
}

function credentialsOf(auth: AuthConfig): Credential[] {
  const pick = (settings: Readonly<Record<string, string | undefined>>): Credential[] =>
    Object.entries(settings).flatMap(([key, text]) => (text === undefined ? [] : [{ keys: [key], text }]));
  switch (auth.type) {
    case 'none':
      return [];
    case 'bearer':
      return pick({ token: auth.token });
    case 'basic':
      return pick({ username: auth.username, password: auth.password });
    case 'api_key':
      return pick({ key: auth.key });
    case 'oauth2':
      return pick({ clientId: auth.clientId, clientSecret: auth.clientSecret, scope: auth.scope });
    case 'token_service':
      return [...textsIn(auth.headers, ['headers']), ...textsIn(auth.body, ['body'])];
  }
}

function textsIn(node: unknown, keys: readonly PropertyKey[]): Credential[] {
  if (typeof node === 'string') return [{ keys, text: node, mayHaveBlanks: true }];
  if (Array.isArray(node)) return node.flatMap((item, index) => textsIn(item, [...keys, index]));
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) => textsIn(value, [...keys, key]));
}
