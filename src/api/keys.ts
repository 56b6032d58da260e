import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { ApiKey, ApiScope } from '../config/http-config.ts';
import type { Actor } from '../core/audit.ts';

const KEY_BYTES = 32;
/** Tells people, and programs that look for leaked secrets, what it is. */
const PREFIX = 'waybill_';
/** RFC 6750, section 2.1; the scheme's case does not matter (RFC 9110, section 11.1). */
const BEARER = /^bearer +([A-Za-z0-9._~+/=-]+) *$/i;

/** The scopes of which a key needs one, by what a route does. */
const SCOPES = {
  open: [],
  submit: ['submit'],
  look_up: ['submit', 'read', 'operate'],
  read: ['read', 'operate'],
  operate: ['operate'],
} as const satisfies Readonly<Record<string, readonly ApiScope[]>>;

/** Who may use a route; `open`: anybody, without a key. */
export type Access = keyof typeof SCOPES;

/** The scopes of which a key needs one for a route; none: no key is needed. */
export function scopesFor(access: Access | undefined, method: unknown): readonly ApiScope[] {
  return SCOPES[access ?? (method === 'GET' ? 'read' : 'operate')];
}

/** Those of the clients that a key is for. */
export function clientsOf<Client>(
  { clients: names }: ApiKey,
  clients: Readonly<Record<string, Client>>,
): Readonly<Record<string, Client>> {
  if (names === undefined) return clients;
  return Object.fromEntries(Object.entries(clients).filter(([name]) => names.includes(name)));
}

/** A new key, which is shown once, and the hash of it that the configuration keeps. */
export function generateKey(): { readonly key: string; readonly sha256: string } {
  const key = `${PREFIX}${randomBytes(KEY_BYTES).toString('base64url')}`;
  return { key, sha256: hashOf(key).toString('hex') };
}

/** What an `Authorization` header gives for a key; undefined: it gives none. */
export function givenKey(authorization: string | undefined): string | undefined {
  return BEARER.exec(authorization ?? '')?.[1];
}

/** Finds the key of an `Authorization` header. All are compared, in constant time: timing tells nothing. */
export function findKey(keys: readonly ApiKey[], authorization: string | undefined): ApiKey | undefined {
  const given = givenKey(authorization);
  if (given === undefined) return undefined;
  const hash = hashOf(given);
  let found: ApiKey | undefined;
  for (const key of keys) {
    if (timingSafeEqual(hash, Buffer.from(key.sha256, 'hex'))) found = key;
  }
  return found;
}

/** Whether the key that a request came with has a scope. */
export function hasScope({ keyName }: FastifyRequest, keys: readonly ApiKey[], scope: ApiScope): boolean {
  return keys.find(({ name }) => name === keyName)?.scopes.includes(scope) === true;
}

/** The key that a request came with, for the audit. */
export function keyOf({ keyName = '' }: FastifyRequest): Actor {
  return { key: keyName };
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
