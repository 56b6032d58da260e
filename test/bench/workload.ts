import { dispositionUpdate } from '../../src/core/event-types/disposition-update.ts';
import { validatePayload } from '../../src/core/validate-payload.ts';
import { VERSION } from '../../src/version.ts';

/*
 * What every contender sends: the contract's sample of a disposition update, each about a unit of its own (events
 * of one unit go one after another), with the same five headers. All bodies have the same length.
 */

/** Requests in flight, connections, jobs at a time: the same for every contender. */
export const CONCURRENCY = 64;
/** The path that all requests go to. */
export const PATH = '/dispositions';
export const USER_AGENT = `waybill/${VERSION}`;

type Payload = typeof dispositionUpdate.sample;

/** The payload of event number `n` (below ten million), as a producer submits it. */
export function payloadOf(n: number): Payload {
  return { ...dispositionUpdate.sample, optiturn_lp: `LPAA${String(n).padStart(7, '0')}` };
}

/** Payloads of so many events. */
export function payloads(count: number): Payload[] {
  return Array.from({ length: count }, (_, n) => payloadOf(n));
}

/** The payload of event number `n` as intake makes it: what the body spells. */
export function sentPayloadOf(n: number): object {
  const valid = validatePayload(dispositionUpdate, payloadOf(n));
  if (!valid.ok) throw new Error(`the sample is not valid: ${JSON.stringify(valid.problems)}`);
  return valid.payload;
}

/** The exact text that is sent of event number `n`. */
export function bodyOf(n: number): string {
  return JSON.stringify(sentPayloadOf(n));
}

/** The length of every body. */
export const BODY_BYTES = Buffer.byteLength(bodyOf(0));

/** The headers of the first attempt at an event, names and values in turns. */
export function headersOf(id: string): string[] {
  return [
    'content-type',
    'application/json',
    'accept',
    'application/json',
    'user-agent',
    USER_AGENT,
    'idempotency-key',
    id,
    'x-waybill-attempt',
    '1',
  ];
}

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** What HTTP itself adds, and the load tester's mark; everything else that a request carries must be ours. */
const OF_THE_TRANSPORT = new Set(['host', 'connection', 'content-length', 'x-waybill-loadtest']);

/** What is wrong with a request, given its head (without the empty line) and its body; undefined: nothing. */
export function explainWrong(head: string, body: string): string | undefined {
  const [first, ...lines] = head.split('\r\n');
  if (first !== `POST ${PATH} HTTP/1.1`) return `the request line is ${first}`;
  const headers = new Map(lines.map(splitHeader));
  const key = headers.get('idempotency-key') ?? '';
  if (!UUID_V7.test(key)) return `the idempotency-key is "${key}"`;
  const found = [...headers].filter(([name]) => !OF_THE_TRANSPORT.has(name)).flat();
  const expected = headersOf(key);
  if ([...found].sort().join() !== [...expected].sort().join()) return `the headers are ${found.join(', ')}`;
  if (headers.get('content-length') !== String(BODY_BYTES)) return 'the content-length is another';
  if (body !== bodyOf(numberOf(body))) return `the body is ${body}`;
  return undefined;
}

function splitHeader(line: string): [name: string, value: string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

/** The number of the event that a body is about; 0 where it is none of ours. */
function numberOf(body: string): number {
  return Number(/"optiturn_lp":"LPAA(\d{7})"/.exec(body)?.[1] ?? 0);
}
