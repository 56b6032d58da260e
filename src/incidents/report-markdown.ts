import type { KeptHeaders } from '../core/attempt-result.ts';
import type { EndpointReport, IncidentReport, ReportFailure } from './build-report.ts';
import { describeFailureKind, eventsOf, momentOf, repeatsInWords } from './describe-notice.ts';
import { block, code, plain, plainWithCode, table } from './markdown-text.ts';
import { courseParts, isOver, isQuiet, outageFacts, outageLead, pageFacts } from './report-outage.ts';

/** Longer payloads are cut off: the report is read by people. */
const MOST_PAYLOAD = 4_000;
const MOST_FIELDS = 30;
/** If there was no connection, or none was tried. */
const UNSENT_CLASSES: ReadonlySet<string> = new Set([
  'refused',
  'dns',
  'tls',
  'token',
  'address',
  'proxy',
  'local',
]);

/** What a report is called, above it and in the window that shows it. */
export function reportTitle(client: string): string {
  return `Events for ${client} that could not be delivered`;
}

/** Writes a report for a client's tech support. */
export function reportMarkdown(report: IncidentReport): string {
  const { client, contact, madeAt, since, endpoints } = report;
  const whom = [contact.name, contact.email].filter((part) => part !== undefined).join(', ');
  const parts = [
    `# ${reportTitle(client)}`,
    [
      ...(whom === '' ? [] : [`To: ${plain(whom)}`]),
      `Made at ${momentOf(madeAt)}; all times are UTC`,
      ...(since === null ? [] : [`Of events that were given up on since ${momentOf(since)}`]),
    ]
      .map((line) => `- ${line}`)
      .join('\n'),
  ];
  if (endpoints.length === 0) {
    // Events that wait may mean that the endpoint fails.
    const { waiting } = report.next;
    const tried = waiting === 0 ? [] : [`${eventsOf(waiting)} for you ${waitInWords(waiting)}.`];
    const nothing = 'There is nothing to report: there are no such dead letters.';
    parts.push([nothing, ...tried, ...repeatsInWords(report.repeats)].join(' '));
  } else {
    parts.push(leadOf(report), ...endpoints.flatMap(endpointParts));
    if (!endpoints.every((one) => isOver(one) || isQuiet(one)))
      parts.push('## What happens next', nextSteps(report));
  }
  return `${parts.join('\n\n')}\n`;
}

function leadOf(report: IncidentReport): string {
  const { events: count, endpoints } = report;
  const where = endpoints.length === 1 ? 'one of your endpoints' : `${endpoints.length} of your endpoints`;
  if (count === 0) return `${outageLead(endpoints, where)} Below is what we saw, and what we ask of you.`;
  const them = count === 1 ? 'it' : 'them';
  return `${eventsOf(count)} for ${where} could not be delivered, and ${count === 1 ? 'waits' : 'wait'} here until the cause is mended. Below is what we saw, what we ask of you, and what becomes of ${them}.`;
}

function endpointParts(endpoint: EndpointReport): string[] {
  const { type, url, events: count, failingSince, firstDiedAt, lastDiedAt, units, failures, asks } = endpoint;
  const unitCount = `${units.count.toLocaleString('en-US')}${units.isMore ? ' or more' : ''}`;
  const died = (at: string | null, which: string): string[][] =>
    at === null ? [] : [[`${which} event given up on`, momentOf(at)]];
  const facts = [
    ['Endpoint', url === null ? 'none any more' : `POST ${code(url)}`],
    ...(isQuiet(endpoint) ? [] : [['Failing since', momentOf(failingSince)]]),
    ...pageFacts(endpoint),
    ...outageFacts(endpoint),
    ...died(firstDiedAt, 'First'),
    ...died(lastDiedAt, 'Last'),
    ...(count === 0
      ? []
      : [
          ['Events', count.toLocaleString('en-US')],
          ['Units that they are about', unitCount],
        ]),
  ];
  return [
    `## ${plain(type)}${count === 0 ? '' : `: ${eventsOf(count)}`}`,
    table(['', ''], facts),
    ...courseParts(endpoint),
    ...(count === 0 ? [] : ['### How it fails', failureTable(failures)]),
    ...fieldParts(endpoint),
    ...(failures.length === 0 ? [] : ['### What came back, and which units']),
    ...failures.flatMap(failureParts),
    ...exampleParts(endpoint),
    ...(asks.length === 0 ? [] : [isOver(endpoint) ? '### What we asked of you' : '### What we ask of you']),
    asks.map((ask, i) => `${i + 1}. ${url === null ? plain(ask) : plainWithCode(ask, url)}`).join('\n'),
  ].filter((part) => part !== '');
}

function failureTable(failures: readonly ReportFailure[]): string {
  return table(
    ['Status', 'What it means', 'Events', 'First', 'Last'],
    failures.map((failure) => [
      failure.status === null ? `none (${plain(failure.class)})` : String(failure.status),
      failure.words,
      failure.events.toLocaleString('en-US'),
      momentOf(failure.firstDiedAt),
      momentOf(failure.lastDiedAt),
    ]),
  );
}

function fieldParts({ fields: { errors, readFrom, isAll } }: EndpointReport): string[] {
  if (errors.length === 0) return [];
  const rows = errors
    .slice(0, MOST_FIELDS)
    .map(({ field, code: what, events }) => [code(field), code(what), events.toLocaleString('en-US')]);
  const more = errors.length > MOST_FIELDS ? [`… and ${errors.length - MOST_FIELDS} more.`] : [];
  const of = isAll
    ? []
    : [`Counted over the first ${readFrom.toLocaleString('en-US')} events with status 422.`];
  return [
    '### Fields that your endpoint objected to',
    table(['Field', 'Objection', 'Events'], rows),
    ...more,
    ...of,
  ];
}

function failureParts(failure: ReportFailure): string[] {
  const { events: count, units, samples } = failure;
  const others = count > units.length ? ` (the newest of ${count.toLocaleString('en-US')} events)` : '';
  return [
    `#### ${plain(describeFailureKind({ ...failure, status: failure.status ?? 0 }))}: ${eventsOf(count)}`,
    `Units: ${units.map(code).join(', ')}${others}`,
    ...failure.oddCharacters.map(({ what, events }) => oddPart(`${what} (${eventsOf(events)})`)),
    ...samples.flatMap((sample, i) => {
      const { event, unit, at, attempts, answer, headers, payload } = sample;
      const tries = failure.class === 'expired' ? `after ${triesOf(attempts)},` : `attempt ${attempts}`;
      const what = cameBack(failure, answer);
      return [
        `Event ${code(event)}, unit ${code(unit)}, ${tries} at ${momentOf(at)}: ${what}`,
        ...answerParts(answer, headers),
        // One of each kind: they differ in what was answered.
        ...(i > 0 ? [] : ['What we send (personal data is masked)', block(payloadText(payload), 'json')]),
      ];
    }),
  ];
}

/** Of events that were not given up on, or not yet. */
function exampleParts({ examples }: EndpointReport): string[] {
  if (examples.length === 0) return [];
  const parts = examples.flatMap((example) => {
    const { event, unit, at, attempts, answer, headers } = example;
    const kind = plain(describeFailureKind({ ...example, status: example.status ?? 0 }));
    const what = `${kind}: event ${code(event)}, unit ${code(unit)}, attempt ${attempts} at ${momentOf(at)}`;
    const odd = (example.oddCharacters ?? []).map(oddPart);
    return [`${what}: ${cameBack(example, answer)}`, ...answerParts(answer, headers), ...odd];
  });
  return ['### What came back to events that were tried again', ...parts];
}

function oddPart(what: string): string {
  return plain(`What was sent holds ${what}. Some servers answer 400 or 500 to that.`);
}

/** An answer as it came: its headers first. */
function answerParts(answer: string, headers: KeptHeaders = {}): string[] {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const parts = [lines.join('\n'), answer].filter((part) => part !== '');
  return parts.length === 0 ? [] : [block(parts.join('\n\n'))];
}

function triesOf(attempts: number): string {
  return attempts === 1 ? '1 attempt' : `${attempts} attempts`;
}

/** What an attempt led to, in a few words. */
function cameBack(
  { class: failureClass, status }: Pick<ReportFailure, 'class' | 'status'>,
  answer: string,
): string {
  if (failureClass === 'expired') return 'it was not sent';
  if (UNSENT_CLASSES.has(failureClass)) return 'it could not be sent';
  if (status === null) return 'no answer';
  return answer === '' ? 'an empty answer' : 'this answer';
}

function payloadText(payload: unknown): string {
  const text = JSON.stringify(payload, undefined, 2);
  return text.length <= MOST_PAYLOAD ? text : `${text.slice(0, MOST_PAYLOAD)}\n…`;
}

function nextSteps(report: IncidentReport): string {
  const { next, events } = report;
  const { attempts, spanMs, waiting } = next;
  const over = attempts === 1 ? 'tried once' : `tried ${attempts} times within ${spanInWords(spanMs)}`;
  const more = events === 0 ? '' : ' more';
  const waits = waiting === 0 ? [] : [`${eventsOf(waiting)}${more} for you ${waitInWords(waiting)}.`];
  const lines =
    events === 0
      ? [
          ...waits,
          `They are sent by themselves, with the same Idempotency-Key, once your endpoint answers again. Until then only a few requests are sent, to find that out. Each event is ${over}.`,
        ]
      : [`Each event is ${over}. ${fateOf(report)}`, ...waits, ...stepsOfDead(report)];
  return [
    ...lines,
    [
      'You may see an event that you have processed already: delivery is at least once.',
      ...repeatsInWords(report.repeats),
      'The header Idempotency-Key is the same whenever an event is sent; please drop what you have had.',
    ].join(' '),
  ]
    .map((line) => `- ${plain(line)}`)
    .join('\n');
}

function fateOf({ endpoints }: IncidentReport): string {
  const hasExpired = endpoints.some(({ failures }) => failures.some((one) => one.class === 'expired'));
  const end = hasExpired ? 'had all of their attempts or became too old' : 'had all of their attempts';
  return `Those above ${end}, and are not sent by themselves any more.`;
}

function stepsOfDead({ next: { keepDays, firstRemovedAt } }: IncidentReport): string[] {
  const kept =
    firstRemovedAt === null
      ? 'Those above are kept until we send them again.'
      : `Those above are kept for ${keepDays === 1 ? '1 day' : `${keepDays} days`}: the first one is removed at ${momentOf(firstRemovedAt)}. Tell us in time.`;
  return [
    'New events are sent as they come, each with all of its attempts.',
    kept,
    'Tell us when the cause is mended: we send all of them again, with the same content and the same Idempotency-Key.',
  ];
}

function waitInWords(waiting: number): string {
  return waiting === 1 ? 'waits or is being tried again' : 'wait or are being tried again';
}

const SPANS = [
  ['days', 86_400_000],
  ['hours', 3_600_000],
  ['minutes', 60_000],
  ['seconds', 1_000],
] as const;

/** In the largest unit of which there are two or more. */
function spanInWords(ms: number): string {
  const found = SPANS.find(([, size]) => ms >= 2 * size);
  return found === undefined ? 'a few seconds' : `about ${Math.round(ms / found[1])} ${found[0]}`;
}
