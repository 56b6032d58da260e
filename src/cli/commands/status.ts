import type { Command } from 'commander';
import type { ResolvedClient } from '../../config/config-schema.ts';
import { findEventType } from '../../core/event-types.ts';
import { formatCount, formatTime } from '../../core/quantity-text.ts';
import { REPEAT_CAUSES, type Repeats } from '../../core/repeats.ts';
import { sum } from '../../core/sum.ts';
import { type ClientView, type EndpointView, readViewsInReach } from '../../queue/client-view.ts';
import { clientViewValue } from '../../queue/client-view-value.ts';
import { unreadText } from '../../queue/read-of-each.ts';
import { countServices } from '../../queue/stored-clients.ts';
import { findClients, type Operator, operatorAction } from '../open-operator.ts';
import { paceLines, withheldLines } from '../pace-text.ts';
import { decimalNumber } from '../parse-options.ts';
import { EXIT, type GlobalOptions, UsageError } from '../run-command.ts';
import { failureText, oneLine, type Terminal } from '../terminal.ts';

interface StatusOptions extends GlobalOptions {
  readonly watch?: boolean;
  readonly interval?: number;
}

const CAPTION = 'Events of each client now, and how many were delivered in all';
const HEAD = ['client', 'waiting', 'in flight', 'retrying', 'dead', 'delivered'];
const NUMERIC = [1, 2, 3, 4, 5];

/** How long the waiting events of an open endpoint take is told from here on. */
const LONG_DRAIN_S = 10;

const REPEATS_IN_WORDS = {
  taken_over: 'its batch was taken over from a process that was lost or lost its lock',
  resent: 'a kept connection was closed before an answer',
  called_off: 'a stop or reload called off the request',
};

const DEFAULT_INTERVAL_S = 1;
const parseInterval = decimalNumber(0.1, 3_600, 'It is a number of seconds from 0.1 to 3600.');

/** `waybill status [client] [--watch]`: where each client's events are. */
export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .argument('[client]', 'one client; default: all')
    .description("show where each client's events are")
    .option('--watch', 'go on showing it, with rates, until q or Ctrl-C')
    .option('--interval <seconds>', 'how often --watch looks (default: 1 s)', parseInterval)
    .action(
      operatorAction(async (terminal, operator, options: StatusOptions, client?: string) => {
        const clients = findClients(operator.config, client);
        const { watch, interval } = options;
        if (watch !== true && interval !== undefined) throw new UsageError('--interval goes with --watch');
        if (watch !== true) return tellOnce(terminal, operator, clients);
        // Only this needs what draws the screen, which is a tenth of what a command takes to start.
        const { runWatch } = await import('../watch/run-watch.ts');
        await runWatch(terminal, operator, clients, (interval ?? DEFAULT_INTERVAL_S) * 1_000);
        return EXIT.done;
      }),
    );
}

async function tellOnce(
  terminal: Terminal,
  { redis }: Operator,
  clients: readonly ResolvedClient[],
): Promise<number> {
  const { found: views, unread } = await readViewsInReach(redis, clients);
  const services = await countServices(redis);
  terminal.value({
    services: services ?? null,
    clients: Object.fromEntries([...views].map(([name, view]) => [name, clientViewValue(view)])),
    unread,
  });
  const rows = [...views].map(([name, { waiting, inFlight, retrying, dead, delivered }]) => [
    name,
    ...[waiting, inFlight, retrying, dead, delivered].map(formatCount),
  ]);
  terminal.line(CAPTION);
  terminal.table(HEAD, rows, NUMERIC);
  for (const [name, view] of views) printRemarks(terminal, name, view);
  if (services === 0) terminal.line('\nNo service is running: nothing is delivered until "waybill start".');
  if (unread.length === 0) return EXIT.done;
  terminal.note(`waybill: ${unreadText(unread)}`);
  return EXIT.redisUnavailable;
}

function printRemarks(terminal: Terminal, name: string, view: ClientView): void {
  const { deliveredByType, lastError, broken, pausedAt, repeats } = view;
  if (pausedAt !== undefined) {
    terminal.line(`\n${name}: paused since ${formatTime(pausedAt)}; "waybill resume ${name}" goes on`);
  }
  for (const [type, endpoint] of Object.entries(view.endpoints)) {
    printEndpoint(terminal, `${name} ${type}`, endpoint);
  }
  for (const [type, byStatus] of Object.entries(deliveredByType)) {
    const status = findEventType(type)?.alreadyReceivedStatus;
    if (status === undefined) continue;
    const { [status]: known = 0, ...others } = byStatus;
    const fresh = sum(others);
    const had = `${formatCount(known)} that the client already had (${status})`;
    const all = `${formatCount(fresh + known)} delivered in all`;
    terminal.line(`\n${name} ${type}: ${all}: ${formatCount(fresh)} new (201), ${had}`);
  }
  printRepeats(terminal, name, repeats);
  if (lastError !== undefined) {
    const { at, type, attempt, status, class: failureClass, detail, deliveredSince } = lastError;
    const what = failureText(status, failureClass);
    terminal.line(`\n${name}: last error ${formatTime(at)}, ${type}, attempt ${attempt}: ${what}`);
    if (detail !== '') terminal.line(`  ${oneLine(detail)}`);
    const events = deliveredSince === 1 ? 'event' : 'events';
    terminal.line(`  ${formatCount(deliveredSince)} ${events} of ${type} delivered since`);
  }
  if (broken > 0) {
    const jobs = `${formatCount(broken)} job${broken === 1 ? '' : 's'}`;
    terminal.line(`\n${name}: ${jobs} failed by a fault of Waybill's own, kept; "waybill check" names them`);
  }
}

function printRepeats(terminal: Terminal, name: string, repeats: Repeats): void {
  const all = sum(repeats);
  if (all === 0) return;
  const what = `${formatCount(all)} repeat${all === 1 ? '' : 's'}`;
  terminal.line(`\n${name}: at most ${what}: sent again, though the client may have had the event`);
  for (const cause of REPEAT_CAUSES) {
    const { [cause]: count = 0 } = repeats;
    if (count > 0) terminal.line(`  ${formatCount(count)}: ${REPEATS_IN_WORDS[cause]}`);
  }
}

function printEndpoint(terminal: Terminal, name: string, { pace, withheld, webPages }: EndpointView): void {
  const isTold = pace.state !== 'open' || (pace.drainSeconds ?? 0) >= LONG_DRAIN_S;
  if (isTold) terminal.line(`\n${paceLines(name, pace, Date.now()).join('\n')}`);
  if (withheld !== undefined) terminal.line(`\n${withheldLines(name, withheld).join('\n')}`);
  if (webPages === undefined) return;
  const { deliveries, since, latestAt } = webPages;
  const times = `since ${formatTime(since)}, the latest ${formatTime(latestAt)}`;
  terminal.line(`\n${name}: answers 2xx with a web page: is the URL right?`);
  terminal.line(`  ${formatCount(deliveries)} of its deliveries, ${times}`);
}
