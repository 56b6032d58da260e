import { isAbsolute } from './http-fields.ts';

/**
 * The absolute URL of an endpoint. A path is appended to the base URL with the path that this may have
 * (`https://x/api` and `/dispositions` make `https://x/api/dispositions`); an absolute URL stands for itself.
 * Throws where the base URL or the address is not one that the configuration's schema accepts.
 */
export function resolveUrl(baseUrl: string, address: string): string {
  if (isAbsolute(address)) return new URL(address).href;
  return new URL(`${baseUrl.replace(/\/+$/, '')}/${address.replace(/^\//, '')}`).href;
}
