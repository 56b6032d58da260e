import { createHmac, createSecretKey } from 'node:crypto';
import type { AuthConfig } from '../config/client-config.ts';
import { type SigningConfig, signingKey, withoutPrefix } from '../config/signing-config.ts';
import type { StoredEvent } from '../core/event.ts';
import { createAwsSignature } from './aws-signature.ts';

/** A request that is about to be sent. */
interface UnsignedRequest {
  readonly event: Pick<StoredEvent, 'id' | 'body'>;
  readonly url: string;
  /** The media type of the body, as the request says it. */
  readonly contentType: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** @returns the headers to add: names and values in turns */
type Sign = (request: UnsignedRequest) => readonly string[];

/** Signs each request to a client. */
export interface Signer {
  readonly sign: Sign;
  /** What it signs with, in each form that a receiver may repeat. */
  readonly secrets: readonly string[];
}

/** What signs the requests to a client; undefined: nothing does. */
export function createSigner(auth: AuthConfig, signing: SigningConfig | undefined): Signer | undefined {
  const signs: Sign[] = [];
  const secrets: string[] = [];
  if (signing !== undefined) {
    signs.push(signByWebhookSecrets(signing));
    secrets.push(...signing.secrets.flatMap(formsOf));
  }
  if (auth.type === 'aws_sigv4') {
    const sign = createAwsSignature(auth);
    // AWS demands that the media type is signed, and no more: other headers may be changed on the way.
    signs.push(({ event: { body }, url, contentType, now }) =>
      sign(url, { method: 'POST', headers: { 'Content-Type': contentType }, body }, now),
    );
    secrets.push(auth.secretAccessKey, auth.sessionToken ?? '');
  }
  const [first, second] = signs;
  if (first === undefined) return undefined;
  if (second === undefined) return { sign: first, secrets };
  return { sign: (request) => [...first(request), ...second(request)], secrets };
}

/** Standard Webhooks: each secret signs the id, the time in seconds and the bytes of the body. */
function signByWebhookSecrets({ secrets }: SigningConfig): Sign {
  const keys = secrets.map((secret) => createSecretKey(signingKey(secret)));
  return ({ event: { id, body }, now }) => {
    const seconds = Math.floor(now / 1_000);
    const content = `${id}.${seconds}.${body}`;
    const signatures = keys.map((key) => `v1,${createHmac('sha256', key).update(content).digest('base64')}`);
    const signature = signatures.join(' ');
    return ['webhook-id', id, 'webhook-timestamp', String(seconds), 'webhook-signature', signature];
  };
}

/** A secret as a receiver may know it: with its prefix, without, and the key as text. */
function formsOf(secret: string): string[] {
  return [secret, withoutPrefix(secret), signingKey(secret).toString('utf8')];
}
