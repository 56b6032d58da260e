import { z } from 'zod';
import { didYouMean } from '../core/near-miss.ts';
import { clientNameSchema } from './client-config.ts';
import { credential } from './http-fields.ts';

/** What a key of the HTTP API may be allowed to do. */
export const API_SCOPES = ['submit', 'read', 'operate'] as const;

const MIB = 1024 * 1024;

const keySchema = z.strictObject({
  name: credential(
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/,
    'must be a name of letters, digits, dots, hyphens and underscores',
  ).describe('Who uses the key; the log names it.'),
  /*
   * A fast hash is right here: it is slow ones that passwords need, since people choose from few. A key has 256
   * random bits, which nobody tries through however fast it goes, and each request pays for the hash.
   */
  sha256: credential(
    /^[0-9a-fA-F]{64}$/,
    'must be the SHA-256 of a key in 64 hexadecimal digits: "waybill key NAME" prints one',
  )
    .toLowerCase()
    .describe('The SHA-256 of the key, in hexadecimal digits.'),
  scopes: z
    .array(z.enum(API_SCOPES))
    .min(1, `must name at least one of ${API_SCOPES.join(', ')}`)
    .describe(
      'What the key may do. submit: send events, and ask what became of one; read: ask anything; operate: everything but send events.',
    ),
  clients: z
    .array(clientNameSchema)
    .min(1, 'must name at least one client')
    .optional()
    .describe(
      'The clients that the key is for: others are to it as if they were not there. Without it: all.',
    ),
});

/**
 * The HTTP API of the service. Keys are needed on loopback as well: whoever is on the machine, or a page in a
 * browser on it, can connect there.
 */
export const httpConfigSchema = z.strictObject({
  host: z
    .string()
    .regex(/^[A-Za-z0-9.:_-]+$/, { error: 'must be an address to listen on, such as 127.0.0.1' })
    .default('127.0.0.1')
    .describe(
      'The address to listen on. Beyond loopback, put a TLS proxy in front: keys travel in the clear.',
    ),
  port: z.int().min(0).max(65_535).default(8425).describe('The port. 0 takes a free one.'),
  console: z
    .boolean()
    .default(true)
    .describe('Whether it serves the console, a page for operators, at /console.'),
  bodyLimitBytes: z
    .int()
    .min(1024)
    .max(1024 * MIB)
    .default(16 * MIB)
    .describe('The largest body of one request.'),
  requestTimeoutMs: z
    .int()
    .min(100)
    .max(3_600_000)
    .default(30_000)
    .describe('How long one request may take.'),
  keys: z
    .array(keySchema)
    .superRefine((keys, context) => {
      for (const [index, { name }] of keys.entries()) {
        if (keys.findIndex((key) => key.name === name) === index) continue;
        context.addIssue({ code: 'custom', path: [index, 'name'], message: 'is the name of a key above' });
      }
    })
    .default([])
    .describe('Who may use it. "waybill key NAME" makes a key and prints its entry; SIGHUP takes new ones.'),
});

/** The settings of the HTTP API with all defaults filled in. */
export type HttpConfig = z.infer<typeof httpConfigSchema>;
/** A key of the HTTP API: its name, its hash, and what it is allowed to do. */
export type ApiKey = HttpConfig['keys'][number];
/** One thing that keys may be allowed to do. */
export type ApiScope = ApiKey['scopes'][number];

/** Refuses keys that are bound to a client that there is not: it would have them once there is one of that name. */
export function refuseKeysOfNobody(
  { http, clients }: { readonly http?: HttpConfig | undefined; readonly clients: object },
  context: z.RefinementCtx,
): void {
  for (const [index, key] of (http?.keys ?? []).entries()) {
    for (const [at, name] of (key.clients ?? []).entries()) {
      if (Object.hasOwn(clients, name)) continue;
      const message = `is not a client of this file${didYouMean(name, Object.keys(clients))}`;
      context.addIssue({ code: 'custom', path: ['http', 'keys', index, 'clients', at], message });
    }
  }
}
