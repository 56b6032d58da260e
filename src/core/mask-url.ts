const MASK = '***';
const LONGEST = 500;

/**
 * A URL without what may be a credential: no user, no password, no fragment, and no value of its query. What cannot be
 * read as a URL is shown up to its query.
 *
 * @param base what a relative one is relative to
 */
export function maskUrl(text: string, base?: string): string {
  if (!URL.canParse(text, base)) return (text.split(/[?#]/)[0] ?? '').slice(0, LONGEST);
  const { protocol, host, pathname, search } = new URL(text, base);
  const query = search === '' ? '' : `?${search.slice(1).split('&').map(maskValue).join('&')}`;
  return `${protocol}//${host}${pathname}${query}`.slice(0, LONGEST);
}

/** A value may stand alone. */
function maskValue(part: string): string {
  const at = part.indexOf('=');
  return at === -1 ? MASK : `${part.slice(0, at)}=${MASK}`;
}
