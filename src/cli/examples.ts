import type { Command } from 'commander';

/** A command line, and what it does. */
type Example = readonly [line: string, what: string];

/** Of each command, by its path; of the program itself under the empty one. */
const EXAMPLES: Readonly<Record<string, readonly [Example, Example]>> = {
  '': [
    ['waybill demo', 'see deliveries, an outage, dead letters and their replay in a minute'],
    ['waybill init', 'write a configuration to begin with; "waybill check" tells what it lacks'],
  ],
  init: [
    ['waybill init', 'write waybill.yaml here'],
    ['waybill init --config /etc/waybill/waybill.yaml', 'write it elsewhere'],
  ],
  check: [
    ['waybill check', 'look at everything; endpoints are sent nothing'],
    ['waybill check acme --send', 'deliver a sample event to each endpoint of one client'],
  ],
  start: [
    ['waybill start', 'deliver until SIGTERM or Ctrl-C'],
    ['waybill start --workers 4 --log-level warn', 'deliver with four processes, and log what is amiss'],
  ],
  send: [
    ['waybill send acme disposition_update events.ndjson', 'submit the events of a file'],
    ['waybill send --from-export letters.ndjson', 'submit what "dead-letters export" wrote'],
  ],
  status: [
    ['waybill status', "count each client's events once"],
    ['waybill status acme --watch --interval 5', 'count those of one client every 5 s'],
  ],
  event: [
    ['waybill event 0195a4c2-3b5e-7d10-8f21-6a0c9d4e7b13', 'ask all clients for it'],
    ['waybill event 0195a4c2-3b5e-7d10-8f21-6a0c9d4e7b13 --client acme', 'ask one, which is faster'],
  ],
  events: [
    ['waybill events --unit LPN-0042', 'tell all that is known of one unit, with every attempt'],
    ['waybill events --outcome failed --since 02:00 --until 03:00', 'tell whose attempts failed then'],
  ],
  audit: [
    ['waybill audit', 'tell who did what in the last 90 days'],
    ['waybill audit --client acme --since 2h', 'of one client, in the last two hours'],
  ],
  pause: [
    ['waybill pause acme', 'hold its events back; requests under way are finished'],
    ['waybill pause acme --json', 'the same, with the counts for a script'],
  ],
  resume: [
    ['waybill resume acme', 'send what has waited'],
    ['waybill resume acme --json', 'the same, with the counts for a script'],
  ],
  pace: [
    ['waybill pace acme', 'see which of its endpoints are slowed or down, and what waits'],
    ['waybill pace acme disposition_update --open', 'try one endpoint again at once'],
  ],
  'dead-letters': [
    ['waybill dead-letters list --client acme', 'see what one client did not get, and why'],
    ['waybill dead-letters replay --client acme --canary 3', 'send it again, three events first'],
  ],
  'dead-letters list': [
    ["waybill dead-letters list --client acme --since 'yesterday 14:00'", 'what died from then on'],
    ['waybill dead-letters list --status 5xx --limit 200', 'the oldest 200 that ended with a 5xx'],
  ],
  'dead-letters show': [
    ['waybill dead-letters show 0195a4c2-3b5e-7d10-8f21-6a0c9d4e7b13', 'every attempt, and the payload'],
    [
      'waybill dead-letters show 0195a4c2-3b5e-7d10-8f21-6a0c9d4e7b13 --client acme',
      'look at one client only',
    ],
  ],
  'dead-letters export': [
    ['waybill dead-letters export --client acme --output letters.ndjson', 'write them to a new file'],
    [
      'waybill dead-letters export --failed-since 02:00 --failed-until 03:00',
      'write those with an attempt that failed in that hour to stdout',
    ],
  ],
  'dead-letters replay': [
    ['waybill dead-letters replay --client acme --canary 3', 'the rest follows if three are delivered'],
    ['waybill dead-letters replay --client acme --status 503 --rate 50', 'fifty events a second'],
  ],
  'dead-letters discard': [
    ['waybill dead-letters discard --client acme --unit LP100043 --dry-run', 'only count them'],
    ['waybill dead-letters discard --client acme --status 422', 'remove what the client refused'],
  ],
  incidents: [
    ['waybill incidents', 'all that fails now, or did in the last 7 days'],
    ['waybill incidents acme --json', "one client's, with the ids that a report takes"],
  ],
  report: [
    ['waybill report acme', 'print the report on what fails now, as Markdown'],
    ['waybill report acme --format html --output acme.html', 'write it to a file, to be sent'],
  ],
  sandbox: [
    ['waybill sandbox', 'answer as the contract says, and print the entry for waybill.yaml'],
    ['waybill sandbox --capacity 300/s --on-overload 503', 'play a client that gets more than it takes'],
  ],
  loadtest: [
    ['waybill loadtest run acme disposition_update --rate 50/s --dry-run', 'see what would be sent'],
    ['waybill loadtest find-limit acme disposition_update', 'find the rate that its endpoint takes'],
  ],
  'loadtest run': [
    ['waybill loadtest run acme disposition_update --rate 50/s --duration 2m', 'send at one rate'],
    ["waybill loadtest run acme inventory_receipt --stages 1m:0-200 --slo 'p99<1s'", 'send ever faster'],
  ],
  'loadtest find-limit': [
    ['waybill loadtest find-limit acme disposition_update', 'look for it up to what is permitted'],
    ["waybill loadtest find-limit acme inventory_receipt --slo 'p99<300ms'", 'hold it to an objective'],
  ],
  key: [
    ['waybill key warehouse --scope submit', 'for a program that submits events'],
    ['waybill key operators --scope submit operate', 'for people who also replay and pause'],
  ],
  docs: [
    ['waybill docs', 'list the topics'],
    ['waybill docs operating', 'print one: what to do when an endpoint is down'],
  ],
  demo: [
    ['waybill demo', 'watch it; nothing is kept, and no configuration is read'],
    ['waybill demo --json', 'print the account of every event alone'],
  ],
};

/** The examples of a command, as its help ends with them. */
export function describeExamples(command: Command): string {
  const names: string[] = [];
  for (let each = command; each.parent !== null; each = each.parent) names.unshift(each.name());
  const examples = EXAMPLES[names.join(' ')] ?? [];
  if (examples.length === 0) return '';
  return `\nExamples:\n${examples.map(([line, what]) => `  ${line}\n      ${what}`).join('\n')}`;
}
