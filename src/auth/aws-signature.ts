import aws4 from 'aws4';
import type { AwsSigV4Config } from '../config/signing-config.ts';

/** What is signed of a request, beside its URL. */
export interface AwsRequest {
  readonly method: string;
  /** Those to sign, but for Host, Content-Length and the headers that are added. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Signs a request at a time, in milliseconds since the epoch. @returns the headers to add: names and values in turns */
export type SignAwsRequest = (url: string, request: AwsRequest, now: number) => string[];

/** Where a request goes, as `aws4` takes it. */
interface Target {
  readonly host: string;
  readonly path: string;
}

/** A proxy may replace Content-Length by chunked encoding. The body is signed by its hash. */
const UNSIGNED = { 'content-length': true };

/** Signs by AWS Signature Version 4, for all services but S3, which wants paths encoded only once. */
export function createAwsSignature(auth: AwsSigV4Config): SignAwsRequest {
  const { region, service, accessKeyId, secretAccessKey, sessionToken } = auth;
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
  const token = sessionToken === undefined ? [] : ['X-Amz-Security-Token', sessionToken];
  /** By URL: a client has few. */
  const targets = new Map<string, Target>();
  return (url, { method, headers, body }, now) => {
    const { host, path } = targets.get(url) ?? toTarget(url);
    targets.set(url, { host, path });
    // 20150830T123600Z
    const date = `${new Date(now).toISOString().replace(/[:-]/g, '').slice(0, 15)}Z`;
    const request = {
      ...{ method, path, body, region, service },
      headers: { Host: host, ...headers, 'X-Amz-Date': date },
      // The path is encoded already.
      doNotEncodePath: true,
      extraHeadersToIgnore: UNSIGNED,
    };
    const { Authorization } = aws4.sign(request, credentials).headers ?? {};
    return ['X-Amz-Date', date, ...token, 'Authorization', String(Authorization)];
  };
}

/**
 * The path is encoded over again, as AWS signs it, and the query in one way of writing. `aws4` would rewrite, and
 * expect to be sent, what holds characters that a URL need not encode.
 */
function toTarget(url: string): Target {
  const { host, pathname, searchParams } = new URL(url);
  const path = pathname.replace(/[^\w.~/-]/g, encodeByte);
  return { host, path: searchParams.size === 0 ? path : `${path}?${searchParams}` };
}

/** The path of a URL is ASCII. */
function encodeByte(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
