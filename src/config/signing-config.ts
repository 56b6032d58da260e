import { z } from 'zod';
import { credential, textFor, whyLineBreak } from './http-fields.ts';

/** What a name of AWS looks like in the scope of a signature: `us-east-1`, `execute-api`. */
const scopeName = (example: string) =>
  credential(/^[a-z0-9][a-z0-9-]{0,62}$/, `must be a name such as ${example}: a to z, 0 to 9 and hyphens`);

/** Visible ASCII: one of them is sent as a header. */
const awsSecret = credential(/^[\x21-\x7e]+$/, 'must hold only letters, digits and signs of ASCII');

/** Credentials of AWS, which sign each request (AWS Signature Version 4). */
export const awsSigV4Schema = z.strictObject({
  type: z.literal('aws_sigv4'),
  region: scopeName('us-east-1').describe('The region that the endpoints are in, such as us-east-1.'),
  service: scopeName('execute-api').describe(
    'The service that is called: execute-api is API Gateway, lambda a function URL.',
  ),
  accessKeyId: credential(/^\w{16,128}$/, 'must have 16 to 128 letters and digits').describe(
    'The id of the access key.',
  ),
  secretAccessKey: awsSecret.describe('Its secret. It is never sent.'),
  sessionToken: awsSecret.optional().describe('The session token of temporary credentials.'),
});

const PREFIX = 'whsec_';
/** What Standard Webhooks demands of a secret, in bytes. */
const [SHORTEST_KEY, LONGEST_KEY] = [24, 64];

/** The key that a secret of Standard Webhooks stands for: base64, with or without `whsec_` before it. */
export function signingKey(secret: string): Buffer {
  return Buffer.from(withoutPrefix(secret), 'base64');
}

/** The base64 of a secret. */
export function withoutPrefix(secret: string): string {
  return secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret;
}

function whyNotSigningSecret(secret: string): string | undefined {
  const reason = whyLineBreak(secret);
  if (reason !== undefined) return reason;
  const key = signingKey(secret);
  // Node skips what is not base64; a receiver's library refuses it.
  if (key.length === 0 || key.toString('base64') !== withoutPrefix(secret)) {
    return `must be base64, with or without ${PREFIX} before it`;
  }
  if (key.length >= SHORTEST_KEY && key.length <= LONGEST_KEY) return undefined;
  return `must stand for ${SHORTEST_KEY} to ${LONGEST_KEY} bytes, found ${key.length}`;
}

/** How events are signed for a client, beside what `auth` says: Standard Webhooks. */
export const signingSchema = z.strictObject({
  secrets: z
    .array(textFor(whyNotSigningSecret))
    .min(1, 'must hold at least one secret')
    .max(5, 'must hold at most five secrets')
    .describe(
      'Each signs every request: base64 of 24 to 64 bytes, with or without whsec_ before it. Two while the client changes over, the newest first.',
    ),
});

/** Credentials that sign each request to AWS. */
export type AwsSigV4Config = z.infer<typeof awsSigV4Schema>;
/** The secrets that sign each event. */
export type SigningConfig = z.infer<typeof signingSchema>;
