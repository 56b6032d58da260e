import { type BinaryLike, createHash, createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { SignatureV4 } from '@smithy/signature-v4';
import { Webhook } from 'standardwebhooks';
import type { AwsSigV4Config } from '../../src/config/signing-config.ts';

/** A request as it arrived; `path` with its query. */
export interface SignedRequest {
  readonly headers: IncomingHttpHeaders;
  readonly path: string;
  readonly body: string;
}

/** The access key of AWS's published examples. */
export const AWS_KEY: AwsSigV4Config = {
  type: 'aws_sigv4',
  region: 'us-east-1',
  service: 'execute-api',
  accessKeyId: 'AKIDEXAMPLE123456789',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
};

/** A secret of Standard Webhooks; another number makes another one. */
export function webhookSecret(n: number): string {
  return `whsec_${Buffer.alloc(32, n).toString('base64')}`;
}

/** Whether the library of Standard Webhooks takes a request for one of a sender with this secret, at this moment. */
export function isSignedBy(secret: string, { headers, body }: SignedRequest): boolean {
  const given = Object.entries(headers).map(([name, value]) => [name, String(value)]);
  try {
    new Webhook(secret).verify(body, Object.fromEntries(given), { jsonParse: false });
    return true;
  } catch {
    return false;
  }
}

/** What AWS's own library hashes with. */
class NodeSha256 {
  readonly #hash;

  constructor(secret?: unknown) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as BinaryLike);
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

/** Signs what a request says is signed with AWS's own library, as AWS does to check it. @returns the signature */
export async function awsSignatureOf(auth: AwsSigV4Config, request: SignedRequest, method = 'POST') {
  const { region, service, accessKeyId, secretAccessKey, sessionToken } = auth;
  const { headers, path, body } = request;
  const names = /SignedHeaders=([^,]*)/.exec(headers.authorization ?? '')?.[1]?.split(';') ?? [];
  const given = names.map((name) => [name, String(headers[name])]);
  const { host = '', pathname, searchParams } = new URL(`http://${headers.host}${path}`);
  const query: Record<string, string[]> = Object.create(null);
  for (const [name, value] of searchParams) query[name] = [...(query[name] ?? []), value];
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
  const signer = new SignatureV4({ region, service, credentials, sha256: NodeSha256, applyChecksum: false });
  const date = String(headers['x-amz-date']).replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5');
  const message = { method, protocol: 'http:', hostname: host, path: pathname, query, body };
  const signed = await signer.sign(
    { ...message, headers: Object.fromEntries(given) },
    { signingDate: new Date(date) },
  );
  return signed.headers['authorization'];
}
