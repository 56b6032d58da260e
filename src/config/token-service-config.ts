import { z } from 'zod';
import { headerName, headerValue, httpUrl, tokenRequestHeaderName } from './http-fields.ts';
import { tlsSchema } from './tls-config.ts';

/** RFC 6901: empty for the whole, or steps that each begin with a slash; a tilde is written ~0, a slash ~1. */
const jsonPointer = z
  .string()
  .regex(/^(?:\/(?:[^~/]|~[01])*)*$/, 'must be a JSON pointer (RFC 6901), such as /data/token');

/** YAML has numbers that JSON has not: .inf and .nan. */
const jsonBody = z.custom<Readonly<Record<string, unknown>> | readonly unknown[]>(
  (value) => typeof value === 'object' && value !== null && z.json().safeParse(value).success,
  'must be a section or a list of what JSON has',
);

/** Whether these keys lead into the body of a client's token service, which is sent as the file has it. */
export function isInTokenBody(keys: readonly PropertyKey[]): boolean {
  const [auth, body] = keys[0] === 'defaults' ? keys.slice(1) : keys.slice(2);
  return (keys[0] === 'clients' || keys[0] === 'defaults') && auth === 'auth' && body === 'body';
}

/** What stands before a token: visible ASCII, perhaps with a blank at its end; an empty one is none. */
const tokenPrefix = z.string().regex(/^(?:[\x21-\x7e][\x20-\x7e]*)?$/, {
  error: 'must hold only characters that an HTTP header can carry: letters, digits and signs of ASCII',
});

/** What asking for tokens has in common, whatever the token service speaks. */
export const tokenSettings = {
  timeoutMs: z
    .int()
    .min(1)
    .max(600_000)
    .optional()
    .describe(
      "How long one token request may take, with its two repetitions. Without it: the client's timeoutMs.",
    ),
  renewOn: z
    .array(z.int().min(300).max(599))
    .max(20)
    .optional()
    .describe('Statuses of the endpoint that lead to a new token. 401 always does.'),
  tls: tlsSchema
    .optional()
    .describe(
      "TLS with the token service, with settings as those of the client's tls. Without it that one holds there too; {} trusts the public authorities and shows no certificate.",
    ),
};

/** A token service of the client's own making. Lifetimes in seconds. */
export const tokenServiceSchema = z
  .strictObject({
    type: z.literal('token_service'),
    url: httpUrl.describe('Where to ask for a token.'),
    method: z.enum(['POST', 'GET', 'PUT']).default('POST').describe('POST, GET or PUT.'),
    headers: z
      .record(tokenRequestHeaderName, headerValue)
      .default({})
      .describe('Headers of the token request, beside Accept and Content-Type.'),
    body: jsonBody.optional().describe('Sent as JSON. Without it there is no body.'),
    tokenPointer: jsonPointer.describe('Where the answer has the token: a JSON pointer (RFC 6901).'),
    expiresInPointer: jsonPointer.optional().describe('Where the answer has the lifetime, in seconds.'),
    expiresInSeconds: z
      .number()
      .min(1)
      .max(604_800)
      .default(3_600)
      .describe('The lifetime if the answer has none.'),
    header: headerName.default('Authorization').describe('The header that carries the token.'),
    prefix: tokenPrefix.default('Bearer ').describe('The text before the token in that header.'),
    ...tokenSettings,
  })
  .superRefine(({ method, body }, context) => {
    if (method !== 'GET' || body === undefined) return;
    context.addIssue({ code: 'custom', path: ['body'], message: 'cannot go with a GET' });
  });
