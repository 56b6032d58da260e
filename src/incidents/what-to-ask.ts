/** What an endpoint failed with, and how it is reached. */
export interface AskedAbout {
  readonly class: string;
  /** 0: there was no status. */
  readonly status: number;
  /** Without secrets. */
  readonly url: string;
  readonly host: string;
  readonly timeoutMs: number;
  readonly hasFieldErrors: boolean;
  /** Whether requests carry a token that was asked for. */
  readonly hasTokens: boolean;
}

/** A failure in words, addressed to the client. */
export function failureInWords(failureClass: string, status: number): string {
  // The status is our proxy's, not the endpoint's.
  if (failureClass === 'proxy') return 'our own proxy did not connect us';
  return STATUS_WORDS[status] ?? CLASS_WORDS[failureClass] ?? failureClass;
}

const STATUS_WORDS: Readonly<Record<number, string>> = {
  400: 'the request was called bad',
  403: 'the request was forbidden',
  404: 'nothing was found at the URL',
  405: 'POST is not allowed at the URL',
  410: 'the URL is gone',
  413: 'the request was called too large',
  415: 'JSON was not taken',
  422: 'the event was called invalid',
  429: 'there were too many requests',
  500: 'your server failed',
  502: 'a gateway could not reach your server',
  503: 'your server was not available',
  504: 'a gateway waited for your server in vain',
};

const CLASS_WORDS: Readonly<Record<string, string>> = {
  unauthorized: 'our credentials were refused',
  redirect: 'your server sent us elsewhere',
  client_error: 'the request was refused',
  server_error: 'your server failed',
  refused: 'no connection came about',
  reset: 'the connection was closed before an answer',
  dns: 'the host name could not be resolved',
  tls: 'no TLS connection came about',
  timeout: 'no answer came in time',
  not_http: 'the answer was not HTTP',
  token: 'no token was to be had',
  address: 'the host name leads to an address that we must not reach',
  local: 'a shortage on our side',
  crash: 'a fault on our side',
  expired: 'they became too old here, and were not sent',
  others: 'further statuses',
};

/** What the client's tech support is asked to do about a failure; a sentence or two. */
export function whatToAsk(about: AskedAbout): string {
  const { status, url, hasFieldErrors } = about;
  if (about.class === 'proxy') {
    return 'Nothing about the events of class proxy: our own proxy did not connect us to you, and that is ours to mend.';
  }
  switch (status) {
    case 400:
    case 422:
      return hasFieldErrors
        ? 'Compare the fields listed above with what your endpoint expects. Either let it accept them, or tell us what is wrong with them.'
        : 'Tell us what is wrong with the events above, or let your endpoint accept them. A 422 whose JSON body names fields lets us list them here.';
    case 403:
      return `Check that what lies before ${url} (a firewall, an allow list, permissions) lets us in with the credentials that we have.`;
    case 404:
    case 405:
    case 410:
      return `Check that ${url} is still the right URL and takes POST requests. If it moved, tell us where.`;
    case 413:
      return 'Let your endpoint take requests of this size (an event has at most 256 KiB).';
    case 429:
      return 'Tell us how many requests a second you take: we can keep to that.';
  }
  return askByClass(about);
}

function askByClass({ class: failureClass, url, host, timeoutMs, hasTokens }: AskedAbout): string {
  switch (failureClass) {
    case 'unauthorized':
      return hasTokens
        ? 'Check whether our credentials were changed, locked or have expired. After a 401 we ask your token service for a new token and send the request again: either none was to be had, or the new one was refused, too.'
        : 'Check whether the credentials that you gave us were changed, locked or have expired, and send us new ones if so.';
    case 'token':
      return 'Check that your token service is reachable and takes our credentials.';
    case 'redirect':
      return `We do not follow redirects. Tell us the final URL of ${url}.`;
    case 'server_error':
      return 'Look into the logs of your server, and of what stands before it, at the times above. Each request carries the id of its event in the header Idempotency-Key.';
    case 'timeout':
      return `Find out why ${host} takes longer than ${timeoutMs} ms to answer. An endpoint that takes the event first and works on it afterwards is quicker.`;
    case 'refused':
    case 'reset':
      return `Check that your server runs and that connections to ${host} from outside reach it.`;
    case 'dns':
      return `Check the DNS entry of ${host}.`;
    case 'tls':
      return `Check the certificate of ${host}: that it has not expired, is for this name, comes with its intermediates and is publicly trusted.`;
    case 'not_http':
      return `Check what listens at ${host}: it does not speak HTTP/1.1.`;
    case 'address':
      return `The name ${host} leads to a private or local address. Let it lead to a public one.`;
    case 'local':
      return 'Nothing about the events of class local: our own machine was short of something.';
    case 'crash':
      return 'Nothing about the events of class crash: that fault is ours to mend.';
    case 'expired':
      return 'Nothing about the events of class expired: they waited here for longer than we are set to send them.';
    default:
      return 'Look into the logs of your server at the times above.';
  }
}
