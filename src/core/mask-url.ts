const MASK = '***';
const LONGEST = 500;

/**
 * An http: or https: URL without what may be a credential: no user, no password, no fragment, and no value of its query.
 * What is none is shown up to its query.
 *
 * @param base what a relative one is relative to
 */
export function maskUrl(text: string, base?: string): string {
  const url = URL.canParse(text, base) ? new URL(text, base) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    return (text.split(/[?#]/)[0] ?? '').replace(/\/\/[^/@]*@/, '//').slice(0, LONGEST);
  }
  const { protocol, host, pathname, search } = url;
  const query = search === '' ? '' : `?${search.slice(1).split('&').map(maskValue).join('&')}`;
  return `${protocol}//${host}${pathname}${query}`.slice(0, LONGEST);
}

/** A value may stand alone. */
function maskValue(part: string): string {
  const at = part.indexOf('=');
  return at === -1 ? MASK : `${part.slice(0, at)}=${MASK}`;
}
