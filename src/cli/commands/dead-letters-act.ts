import type { Command } from 'commander';
import { v7 as uuidv7 } from 'uuid';
import { type AuditNote, toAuditFilter } from '../../core/audit.ts';
import type { StoredEvent } from '../../core/event.ts';
import { formatCount, formatDuration, formatTime } from '../../core/quantity-text.ts';
import { actOnDeadLetters } from '../../dead-letters/act-on-dead-letters.ts';
import { holdRate } from '../../dead-letters/replay-rate.ts';
import {
  findUnavailable,
  type UnavailableEndpoint,
  unavailableValue,
} from '../../dead-letters/unavailable-endpoints.ts';
import type { CanaryAccount } from '../../dead-letters/watch-canaries.ts';
import { discardDeadLetters, replayDeadLetters } from '../../queue/dead-letters.ts';
import type { Connection } from '../../queue/servers.ts';
import { chooseClients, type Operator, operatorAction, tellWithoutService } from '../open-operator.ts';
import { decimalNumber, wholeNumber } from '../parse-options.ts';
import { withProgress } from '../progress.ts';
import { EXIT, UsageError, untilInterrupted } from '../run-command.ts';
import { confirm, type Terminal } from '../terminal.ts';
import {
  type Chosen,
  chooseMatching,
  deadLetterReader,
  type FilterOptions,
  withFilters,
} from './dead-letter-filters.ts';
import { canaryValue, replayCanaries, tellCanaries, whyStop } from './replay-canaries.ts';

type ActionOptions = FilterOptions & {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  /** Events per second. */
  readonly rate?: number;
  /** How many of each endpoint go first. */
  readonly canary?: number;
};

const VERBS = {
  replay: {
    past: 'replayed',
    description: 'put dead letters back into delivery, with all their retries again',
    act: (redis: Connection, client: string, events: readonly StoredEvent[], note: AuditNote) =>
      replayDeadLetters(redis, client, uuidv7(), events, Date.now(), note),
  },
  discard: { past: 'discarded', description: 'remove dead letters for good', act: discardDeadLetters },
} as const;

type Verb = keyof typeof VERBS;

/** What is to be done, and how the audit names it at a client. */
type Order = ActionOptions & { noteOf(client: string): AuditNote };

const parseRate = decimalNumber(
  0.001,
  1_000_000,
  'It is a number of events a second, more than 0, such as 50 or 0.5.',
);

const CANARY_HELP =
  'first this many of each endpoint, oldest first, and the rest only once these are delivered; otherwise it asks, or exits with 3';
/** All of them are kept in memory. */
const MOST_CANARIES = 100;
const parseCanary = wholeNumber(1, MOST_CANARIES, `It is a whole number from 1 to ${MOST_CANARIES}.`);

/** `waybill dead-letters replay` and `discard` */
export function addDeadLetterActions(group: Command): void {
  for (const verb of ['replay', 'discard'] as const) {
    const command = withFilters(group.command(verb).description(VERBS[verb].description))
      .option('--dry-run', 'only count')
      .option('--yes', 'do not ask');
    if (verb === 'replay') {
      command
        .option('--rate <n>', 'at most so many events a second', parseRate)
        .option('--canary <n>', CANARY_HELP, parseCanary);
    }
    command.action(
      operatorAction((terminal, operator, options: ActionOptions) => act(verb, terminal, operator, options)),
    );
  }
}

async function act(
  verb: Verb,
  terminal: Terminal,
  operator: Operator,
  options: ActionOptions,
): Promise<number> {
  const { past } = VERBS[verb];
  const chosen = await chooseMatching(operator, options, options.canary);
  const { matching } = chosen;
  const { redis, config } = operator;
  const unavailable = verb === 'replay' ? await findUnavailable(redis, config.clients, chosen.endpoints) : [];
  for (const one of unavailable) terminal.note(describeUnavailable(one));
  const account = {
    matching,
    ...(unavailable.length === 0 ? {} : { unavailable: unavailable.map(unavailableValue) }),
  };
  const { rate } = options;
  const howLong = rate === undefined ? '' : ` in about ${formatDuration((matching / rate) * 1_000)}`;
  const nothing = await whyNothing(verb, chosen, unavailable.length > 0, howLong, options);
  if (nothing !== undefined) {
    terminal.value({ ...account, [past]: 0, interrupted: false });
    if (nothing.exit === EXIT.done) terminal.line(nothing.why);
    else terminal.note(`waybill: ${nothing.why}`);
    return nothing.exit;
  }
  if (rate !== undefined) {
    terminal.note(`Replaying ${formatCount(matching)} dead letters${howLong}: ${rate} a second.`);
  }
  const { done, interrupted, exit, canary } = await carryOut(verb, terminal, operator, options, chosen);
  const tried = canary === undefined ? {} : { canary: canaryValue(canary) };
  terminal.value({ ...account, [past]: done, interrupted, ...tried });
  terminal.line(`${formatCount(done)} ${past}.`);
  if (interrupted) terminal.line('Interrupted: run it again for the rest.');
  if (verb === 'replay' && done > 0) await tellWithoutService(terminal, redis);
  return exit;
}

function describeUnavailable({
  client,
  type,
  since = 0,
  until = 0,
  reason,
  holds,
}: UnavailableEndpoint): string {
  const endpoint = `${client} ${type}`;
  if (reason === 'paused') return `${client} is paused: replayed events wait until "waybill resume".`;
  if (reason === 'retry_after') {
    return `${endpoint} said Retry-After: replayed events wait until ${formatTime(until)}, and longer if it says so again.`;
  }
  const what = holds
    ? 'replayed events wait until it comes back'
    : 'its pace is fixed, so that replayed events are sent all the same';
  return `${endpoint} is down since ${formatTime(since)}: ${what}.`;
}

/** Why nothing is done, and the exit code. */
interface Nothing {
  readonly why: string;
  readonly exit: number;
}

/**
 * Says why nothing is to be done, if so. Asks before it discards any, before it replays more than one, and before it
 * replays any at an endpoint that is unavailable.
 *
 * @throws UsageError if it cannot ask
 */
async function whyNothing(
  verb: Verb,
  { matching, clients }: Chosen,
  isUnavailable: boolean,
  howLong: string,
  { dryRun, yes }: ActionOptions,
): Promise<Nothing | undefined> {
  if (matching === 0) return { why: 'No dead letters match.', exit: EXIT.done };
  if (dryRun === true) {
    const why = `${formatCount(matching)} would be ${VERBS[verb].past}${howLong}.`;
    return { why, exit: EXIT.done };
  }
  if (yes === true || (verb === 'replay' && matching === 1 && !isUnavailable)) return undefined;
  const many = `${formatCount(matching)} dead letter${matching === 1 ? '' : 's'}`;
  const anyway = isUnavailable ? ' all the same' : '';
  const agreed = await confirm(`${verb} ${many} of ${clients.join(', ')}${anyway}?`);
  if (agreed === true) return undefined;
  if (agreed === false) return { why: 'Nothing was done.', exit: EXIT.done };
  if (isUnavailable) {
    const why = `nothing was ${VERBS[verb].past}; --yes is needed to ${verb} all the same without a terminal`;
    return { why, exit: EXIT.someFailed };
  }
  const what = matching === 1 ? '1 dead letter matches' : `${matching} dead letters match`;
  const which = verb === 'discard' ? 'any' : 'more than one';
  throw new UsageError(`${what}: --yes is needed to ${verb} ${which} without a terminal`);
}

/** What was done; `canary`: what became of those that went first. */
interface Done {
  readonly done: number;
  readonly interrupted: boolean;
  readonly exit: number;
  readonly canary?: CanaryAccount;
}

async function carryOut(
  verb: Verb,
  terminal: Terminal,
  operator: Operator,
  options: ActionOptions,
  chosen: Chosen,
): Promise<Done> {
  const { canaries, matching, byClient } = chosen;
  const asked = { id: uuidv7(), action: verb, by: operator.by, filter: toAuditFilter(options) };
  const noteOf = (client: string) => ({ ...asked, matching: byClient.get(client) ?? 0 });
  const order: Order = { ...options, noteOf };
  if (canaries.length === 0) return actOnAll(verb, operator, order, matching);
  const canary = await replayCanaries(terminal, operator, canaries, order);
  tellCanaries(terminal, canary);
  const rest = matching - canaries.length;
  const stopped = await whyStop(terminal, canary, rest, options.yes === true);
  const { replayed, interrupted } = canary;
  if (stopped !== undefined) return { done: replayed, interrupted, exit: stopped, canary };
  if (rest === 0) return { done: replayed, interrupted, exit: EXIT.done, canary };
  const { limit } = options;
  const others = await actOnAll(
    verb,
    operator,
    { ...order, ...(limit === undefined ? {} : { limit: limit - canaries.length }) },
    rest,
    new Set(canaries.map(({ event }) => event.id)),
  );
  return { ...others, done: replayed + others.done, canary };
}

/** Acts on all that match, with a progress bar; a signal ends it between two steps. */
async function actOnAll(
  verb: Verb,
  operator: Operator,
  order: Order,
  matching: number,
  skip?: ReadonlySet<string>,
): Promise<Done> {
  const { config, redis } = operator;
  const { client, limit, rate, noteOf } = order;
  const { past, act } = VERBS[verb];
  const { done, interrupted } = await untilInterrupted((signal) =>
    withProgress(past, matching, (onProgress) =>
      actOnDeadLetters(deadLetterReader(operator), (name, events) => act(redis, name, events, noteOf(name)), {
        clients: chooseClients(config, client),
        filter: order,
        signal,
        batchSizeOf: (name) => config.clients[name]?.batchSize ?? 1,
        onProgress,
        ...(limit === undefined ? {} : { limit }),
        ...(rate === undefined ? {} : { rate: holdRate(rate, () => performance.now()) }),
        ...(skip === undefined ? {} : { skip }),
      }),
    ),
  );
  return { done, interrupted, exit: interrupted ? EXIT.interrupted : EXIT.done };
}
