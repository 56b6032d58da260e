import { createMask, type Mask, secretsOfHeader } from '../core/mask-secrets.ts';
import type { Authorization } from './authorizer.ts';

/** Takes out of the text of an answer what was secret in its request, which went to this URL with this authorization. */
export type MaskAnswer = (text: string, url: string, sent: Authorization) => string;

/**
 * Makes what masks the answers of an endpoint, whose start is kept, logged and shown. All secrets are in one mask, since
 * one may be a part of another.
 *
 * @param secrets of each request, beside its credentials and its URL
 */
export function createAnswerMask(secrets: readonly string[]): MaskAnswer {
  /** One for each URL and token, since an endpoint that echoes one request echoes them all. */
  const byUrl = new Map<string, WeakMap<Authorization, Mask>>();
  return (text, url, sent) => {
    const masks = byUrl.get(url) ?? new WeakMap<Authorization, Mask>();
    byUrl.set(url, masks);
    const mask = masks.get(sent) ?? createMask([...secretsIn(sent), ...secretsInQuery(url), ...secrets]);
    masks.set(sent, mask);
    return mask(text);
  };
}

function secretsIn({ headers, token }: Authorization): string[] {
  const values = headers.filter((_, index) => index % 2 === 1).flatMap(secretsOfHeader);
  return token === undefined ? values : [...values, token];
}

/** In a query anything may stand; what is shorter is a version or a flag, hardly ever a key. */
const SHORTEST_IN_QUERY = 8;

function secretsInQuery(url: string): string[] {
  const values = [...new URL(url).searchParams.values()];
  return values.filter(({ length }) => length >= SHORTEST_IN_QUERY);
}

/** A URL without the values in its query that may be keys. */
export function maskQuery(url: string): string {
  return createMask(secretsInQuery(url))(url);
}
