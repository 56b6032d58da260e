/** Where the page is: `#/endpoint/acme/disposition_update?…`; what is asked stands in it, so that it can be shared. */
export interface Route {
  readonly page: string;
  /** The parts of the path behind the page. */
  readonly parts: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

/** Reads what stands behind the # of the address. */
export function readRoute(hash = location.hash): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?');
  const [page = '', ...parts] = path.split('/').map(decode);
  return {
    page: page === '' ? 'overview' : page,
    parts,
    query: Object.fromEntries(new URLSearchParams(search)),
  };
}

/** An address within the page. */
export function linkTo(
  page: string,
  parts: readonly string[] = [],
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const given = Object.entries(query).flatMap(([name, value]) => (value ? [[name, value]] : []));
  const search = new URLSearchParams(given as [string, string][]);
  return `#/${[page, ...parts].map(encodeURIComponent).join('/')}${search.size === 0 ? '' : `?${search}`}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
