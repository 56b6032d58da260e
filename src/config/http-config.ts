import { z } from 'zod';
import { credential } from './http-fields.ts';

/** What a key of the HTTP API may be allowed to do. */
export const API_SCOPES = ['submit', 'operate'] as const;

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
    .min(1, 'must name at least one of submit, operate')
    .describe('What the key may do. submit: send events; operate: everything else.'),
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
    .min(1, 'must name at least one key: "waybill key NAME" makes one')
    .superRefine((keys, context) => {
      for (const [index, { name }] of keys.entries()) {
        if (keys.findIndex((key) => key.name === name) === index) continue;
        context.addIssue({ code: 'custom', path: [index, 'name'], message: 'is the name of a key above' });
      }
    })
    .describe('Who may use it; at least one. "waybill key NAME" makes a key and prints its entry.'),
});

/** The settings of the HTTP API with all defaults filled in. */
export type HttpConfig = z.infer<typeof httpConfigSchema>;
/** A key of the HTTP API: its name, its hash, and what it is allowed to do. */
export type ApiKey = HttpConfig['keys'][number];
/** One thing that keys may be allowed to do. */
export type ApiScope = ApiKey['scopes'][number];
