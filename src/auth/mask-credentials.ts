import type { Authorization } from './authorizer.ts';
import { createMask, type Mask, secretsOfHeader } from './mask-secrets.ts';

type MaskOfHeaders = (secretHeaders: readonly string[]) => Mask;

/** One for each token and endpoint, since an endpoint that echoes one request echoes them all. */
const masks = new WeakMap<Authorization, MaskOfHeaders>();
const NONE: readonly string[] = [];

/**
 * Takes the credentials of a request out of the answer, whose start is kept, logged and shown.
 *
 * @param secretHeaders values of other headers to take out; the same array for all requests to an endpoint
 */
export function maskCredentials(text: string, authorization: Authorization, secretHeaders = NONE): string {
  const maskOf = masks.get(authorization) ?? createMasks(authorization);
  masks.set(authorization, maskOf);
  return maskOf(secretHeaders)(text);
}

/** All secrets in one mask: one may be a part of another. */
function createMasks(authorization: Authorization): MaskOfHeaders {
  const byHeaders = new WeakMap<readonly string[], Mask>();
  return (secretHeaders) => {
    const known = byHeaders.get(secretHeaders);
    if (known !== undefined) return known;
    const mask = createMask([...secretsIn(authorization), ...secretHeaders.flatMap(secretsOfHeader)]);
    byHeaders.set(secretHeaders, mask);
    return mask;
  };
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
