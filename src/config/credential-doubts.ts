import { toJsonPath } from '../core/problem.ts';
import type { Config, ResolvedClient } from './config-schema.ts';

/** A credential that is probably not meant as it stands, though it can be sent. Never holds its value. */
export interface CredentialDoubt {
  /** Its path from the client on, such as `auth.clientSecret`; of a channel the whole path. */
  readonly setting: string;
  /** What is around it. */
  readonly around: 'quotes' | 'blanks';
}

/**
 * The credentials of a client that have quotes or blanks around them. `docker --env-file` passes on quotes that a
 * shell takes away; a server then answers that the credential is wrong. Of headers only what came from `${…}` is one.
 * What was tried or decoded when the configuration was read has none: TLS files, their passphrase, `signing`.
 */
export function findCredentialDoubts(client: ResolvedClient): CredentialDoubt[] {
  const { auth } = client;
  const sent = Object.fromEntries(Object.entries(auth).filter(([key]) => key !== 'tls'));
  // What a token service is sent may be any text that the client thinks of.
  const settings = auth.type === 'oauth2' ? { ...sent, secretParameters: undefined } : sent;
  const ofAuth = doubtsIn(settings, ['auth'], auth.type === 'token_service');
  return [...headerDoubts(client), ...ofAuth, ...proxyDoubts(client)];
}

/** Those of the client's own headers once, those of an endpoint at the endpoint. */
function headerDoubts({ headers: ofClient = {}, endpoints }: ResolvedClient): CredentialDoubt[] {
  const doubts = new Map<string, CredentialDoubt>();
  for (const { type, headers = [], secretHeaders = [] } of Object.values(endpoints)) {
    for (let at = 0; at < headers.length; at += 2) {
      const [name = '', value = ''] = headers.slice(at);
      const setting = settingAt([...(ofClient[name] === value ? [] : ['endpoints', type]), 'headers', name]);
      const texts = secretHeaders.filter((text) => value.includes(text));
      for (const doubt of doubtsIn(texts, [], false)) doubts.set(setting, { ...doubt, setting });
    }
  }
  return [...doubts.values()];
}

/** What stands in the URL of a proxy. */
function proxyDoubts({ proxy }: ResolvedClient): CredentialDoubt[] {
  const [, pair = ''] = (proxy?.https ?? proxy?.http)?.authorization?.split(' ') ?? [];
  const [user, ...password] = Buffer.from(pair, 'base64').toString().split(':');
  const [doubt] = doubtsIn([user, password.join(':')], [], false);
  return doubt === undefined ? [] : [{ ...doubt, setting: 'proxy' }];
}

/** The same for the channels of incidents, and for mail; settings are such as `incidents.notify[0].routingKey`. */
export function findChannelDoubts({
  incidents,
  smtp,
}: Pick<Config, 'incidents' | 'smtp'>): CredentialDoubt[] {
  return [...doubtsIn(incidents.notify, ['incidents', 'notify'], false), ...doubtsIn(smtp, ['smtp'], false)];
}

function doubtsIn(node: unknown, keys: readonly PropertyKey[], mayHaveBlanks: boolean): CredentialDoubt[] {
  if (Array.isArray(node)) return node.flatMap((item, at) => doubtsIn(item, [...keys, at], mayHaveBlanks));
  if (typeof node === 'object' && node !== null) {
    return Object.entries(node).flatMap(([key, value]) => doubtsIn(value, [...keys, key], mayHaveBlanks));
  }
  if (typeof node !== 'string') return [];
  const setting = settingAt(keys);
  if (node.length > 1 && /^(["']).*\1$/s.test(node)) return [{ setting, around: 'quotes' }];
  return node !== node.trim() && !mayHaveBlanks ? [{ setting, around: 'blanks' }] : [];
}

function settingAt(keys: readonly PropertyKey[]): string {
  return toJsonPath(keys).slice('$.'.length);
}
