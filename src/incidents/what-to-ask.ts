import { isIP } from 'node:net';
import { isTokenAnswer } from '../auth/token-service.ts';
import { NO_ANSWER_CLASSES } from '../core/attempt-result.ts';
import { withoutBrackets } from '../core/host-port.ts';
import { REDIRECTS_TO } from '../core/outcome.ts';
import { type ProxyBlame, proxyBlameIn } from '../core/proxy-blame.ts';
import { type TlsCause, tlsCauseIn } from '../core/tls-cause.ts';

/** What an endpoint failed with, and how it is reached. */
export interface AskedAbout {
  readonly class: string;
  /** 0: there was no status. */
  readonly status: number;
  /** The start of an answer, or why there was none; may be empty. */
  readonly detail: string;
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
  if (failureClass === 'proxy') {
    return status >= 500 ? 'our own proxy did not reach your server' : 'our own proxy did not connect us';
  }
  return STATUS_WORDS[status] ?? CLASS_WORDS[failureClass] ?? failureClass;
}

/** What is asked about deliveries that were answered with a web page. */
export function whatToAskAboutPages(url: string): string {
  return `Check that ${url} is the right URL: it answers 2xx with a web page, as a login or a page about an error would be. We count these events as delivered.`;
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
  const { status, url, detail, hasFieldErrors } = about;
  const host = about.class === 'token' ? 'your token service' : about.host;
  const blame = blameOf(about);
  if (blame === 'proxy') return askNothingAboutProxy(about);
  if (blame === 'either') {
    return `Check whether ${host} takes connections from outside: our own proxy does not reach it. We look at our proxy, too.`;
  }
  const cause = isOurs(about) ? tlsCauseIn(detail) : tlsCauseInPage(status, detail);
  if (cause !== undefined) {
    const asks = blame === 'target' && FOREIGN_AUTHORITY.has(cause) ? PROXY_CERTIFICATE : TLS_ASKS[cause];
    return asks.replaceAll('HOST', () => host);
  }
  if (status >= 400 && status < 500 && WRONG_TIME.test(detail)) {
    return `Nothing yet about the time that ${host} objects to: we look at our own clock first.`;
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

/** What AWS, and receivers of Standard Webhooks, answer to a signature of another time than theirs. */
const WRONG_TIME =
  /signature (?:has )?expired|signature not yet current|RequestTimeTooSkewed|timestamp (?:is )?too (?:old|new)/i;

/** What is told of these failures is told by Waybill. */
const WITHOUT_ANSWER: ReadonlySet<string> = new Set([...NO_ANSWER_CLASSES, 'token']);

/** Whether the detail is in our own words: an answer may hold any. */
function isOurs({ class: failureClass, status, detail }: AskedAbout): boolean {
  return status === 0 && WITHOUT_ANSWER.has(failureClass) && !isTokenAnswer(detail);
}

function blameOf(about: AskedAbout): ProxyBlame | undefined {
  // The status is the proxy's.
  if (about.class === 'proxy') return about.status >= 500 ? 'either' : 'proxy';
  return isOurs(about) ? proxyBlameIn(about.detail) : undefined;
}

function askNothingAboutProxy({ class: failureClass, status }: AskedAbout): string {
  if (failureClass === 'token') {
    return 'Nothing where our own proxy kept us from your token service: that is ours to mend.';
  }
  const which = `class ${failureClass}${status === 0 ? '' : `, status ${status}`}`;
  return `Nothing about the events of ${which}: our own proxy did not connect us to you, and that is ours to mend.`;
}

/** What nginx answers with 400; others have followed it. */
const TLS_PAGES: ReadonlyArray<readonly [words: string, cause: TlsCause]> = [
  ['No required SSL certificate was sent', 'certificate_wanted'],
  ['The SSL certificate error', 'certificate_refused'],
  ['The plain HTTP request was sent to HTTPS port', 'tls_expected'],
];

function tlsCauseInPage(status: number, detail: string): TlsCause | undefined {
  return status === 400 ? TLS_PAGES.find(([words]) => detail.includes(words))?.[1] : undefined;
}

const CERTIFICATE_FOR_HOST =
  'Let HOST show a certificate that is publicly trusted, is for this name, and comes with its intermediates; or send us the certificate of your own authority, and we trust it.';
const CERTIFICATE_OF_OURS =
  'A client certificate of ours is asked for by HOST. Tell us whether it is meant to, and who issues one for us; setting it up is ours.';

/** Also what a proxy comes to that reads the connections through it, with certificates of its own. */
const FOREIGN_AUTHORITY: ReadonlySet<TlsCause> = new Set(['self_signed', 'unknown_issuer', 'untrusted']);
const PROXY_CERTIFICATE =
  'Nothing yet about the certificate of HOST: our own proxy may show one of its own in its place, and that is ours to check first.';

/** Only what is the client's: not our certificate, nor our clock. */
const TLS_ASKS: Readonly<Record<TlsCause, string>> = {
  certificate_wanted: CERTIFICATE_OF_OURS,
  certificate_refused:
    'Our client certificate is not accepted by HOST. Tell us which authorities it trusts, and whether our certificate is known to it.',
  certificate_expired: 'Nothing about our client certificate, which has expired: to renew it is ours.',
  certificate_doubted:
    'Check in the logs of HOST whether it accepts our client certificate: it asks for it, and then closes the connection. Tell us which authorities it trusts.',
  http2_only: 'Let HOST speak HTTP/1.1 beside HTTP/2 (in ALPN: http/1.1).',
  old_protocol: 'Let HOST speak TLS 1.2 or TLS 1.3. We do not use TLS 1.0 and 1.1, which are no longer safe.',
  nothing_shared:
    'Let HOST speak TLS 1.3, or TLS 1.2 with a common cipher suite (ECDHE with AES-GCM or ChaCha20).',
  plain_text: 'Tell us the right URL: what answers at HOST does not speak TLS.',
  tls_expected:
    'Tell us whether our URL of HOST has to begin with https: instead of http:. Changing it is ours.',
  self_signed: CERTIFICATE_FOR_HOST,
  incomplete_chain: 'Let HOST send its intermediate certificates along with its own.',
  unknown_issuer: CERTIFICATE_FOR_HOST,
  untrusted: CERTIFICATE_FOR_HOST,
  wrong_name: 'Let HOST show a certificate that is for this name, or tell us the right name.',
  expired: 'Renew the certificate of HOST.',
  clock_off: 'Nothing about the certificate of HOST: our own clock is off, and to set it is ours.',
  not_yet_valid:
    'Tell us from when on the certificate of HOST is meant to be used. We look at our clock, too.',
};

function askByClass(about: AskedAbout): string {
  const { class: failureClass, host, hasTokens } = about;
  switch (failureClass) {
    case 'unauthorized':
      return hasTokens
        ? 'Check whether our credentials were changed, locked or have expired. After a 401 we ask your token service for a new token and send the request again: either none was to be had, or the new one was refused, too.'
        : 'Check whether the credentials that you gave us were changed, locked or have expired, and send us new ones if so.';
    case 'token':
      return 'Check that your token service is reachable and takes our credentials.';
    case 'redirect':
      return `We do not follow redirects. ${askAboutTarget(about)}`;
    case 'server_error':
      return 'Look into the logs of your server, and of what stands before it, at the times above. Each request carries the id of its event in the header Idempotency-Key.';
    case 'timeout':
      return askAboutTime(about);
    case 'refused':
    case 'reset':
      return `Check that your server runs and that connections to ${host} from outside reach it.`;
    case 'dns':
      return `Check the DNS entry of ${host}.`;
    case 'tls':
      return `Check what TLS at ${host} is set up for. We speak TLS 1.2 and 1.3 with HTTP/1.1, and accept a certificate that is publicly trusted, is for this name, and comes with its intermediates.`;
    case 'not_http':
      return `Check what listens at ${host}: its answers are not HTTP/1.1. What is wrong with them stands above.`;
    case 'address':
      // An address of our own file, not a name of theirs.
      if (isIP(withoutBrackets(host)) !== 0)
        return `Nothing about ${host}: that address is private or local, and stands so in our settings. Tell us the public URL.`;
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

function askAboutTarget({ url, detail }: AskedAbout): string {
  const [first = ''] = detail.split('\n');
  if (!first.startsWith(REDIRECTS_TO)) return `Tell us the final URL of ${url}.`;
  return `Tell us whether ${first.slice(REDIRECTS_TO.length)} is the URL to use instead of ${url}.`;
}

/** By what had not come in time. */
function askAboutTime({ host, timeoutMs, detail }: AskedAbout): string {
  if (detail.startsWith('no connection to ')) {
    return `Check that connections to ${host} from outside reach your server: none was established within ${timeoutMs} ms.`;
  }
  if (detail.startsWith('no end of the TLS handshake with ')) {
    return `Find out why TLS with ${host} is not established within ${timeoutMs} ms, although your server takes the connection.`;
  }
  return `Find out why ${host} takes longer than ${timeoutMs} ms to answer. An endpoint that takes the event first and works on it afterwards is quicker.`;
}
