import type { Authorization } from './authorizer.ts';
import { createMask, type Mask, secretsOfHeader } from './mask-secrets.ts';

/** One for each token, since an endpoint that echoes one request echoes them all. */
const masks = new WeakMap<Authorization, Mask>();

/** Takes the credentials of a request out of the answer, whose start is kept, logged and shown. */
export function maskCredentials(text: string, authorization: Authorization): string {
  const mask = masks.get(authorization) ?? createMask(secretsIn(authorization));
  masks.set(authorization, mask);
  return mask(text);
}

function secretsIn({ headers, token }: Authorization): string[] {
  const values = headers.filter((_, index) => index % 2 === 1).flatMap(secretsOfHeader);
  return token === undefined ? values : [...values, token];
}

/** In a query anything may stand; what is shorter is a version or a flag, hardly ever a key. */
const SHORTEST_IN_QUERY = 8;

/** One for each URL, of which a process has few. */
const urlMasks = new Map<string, Mask>();

/** Takes the values in a URL's query out of an answer from there: a key may be one of them. */
export function maskQuery(text: string, url: string): string {
  const mask = urlMasks.get(url) ?? createMask(valuesIn(url));
  urlMasks.set(url, mask);
  return mask(text);
}

function valuesIn(url: string): string[] {
  const values = [...new URL(url).searchParams.values()];
  return values.filter(({ length }) => length >= SHORTEST_IN_QUERY);
}
