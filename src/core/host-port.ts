const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/** The parts of a URL that name its server. */
type Place = Pick<URL, 'protocol' | 'hostname' | 'port'>;

/** The port that a URL names, or that of its protocol; undefined: that is neither `http:` nor `https:`. */
export function portOf({ protocol, port }: Omit<Place, 'hostname'>): number | undefined {
  const usual = DEFAULT_PORTS[protocol];
  return usual === undefined || port === '' ? usual : Number(port);
}

/** Where a URL leads, as `host:port`; an IPv6 address is in brackets, also if the URL's parts have it without. */
export function hostPort(place: Place): string {
  return `${inBrackets(place.hostname)}:${portOf(place)}`;
}

/** A host as a URL has it: an IPv6 address in brackets. */
export function inBrackets(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

/** The host of a URL, an IPv6 address without its brackets. */
export function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

/** Whether a host is this machine by its name or address, which URLs write in this form. */
export function isLoopback(hostname: string): boolean {
  const host = withoutBrackets(hostname);
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
