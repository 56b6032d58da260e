import type { Command } from 'commander';
import type { Redis } from 'ioredis';
import { v7 as uuidv7 } from 'uuid';
import type { StoredEvent } from '../../core/event.ts';
import { actOnDeadLetters } from '../../dead-letters/act-on-dead-letters.ts';
import { holdRate } from '../../dead-letters/replay-rate.ts';
import { discardDeadLetters, replayDeadLetters } from '../../queue/dead-letters.ts';
import { chooseClients, type Operator, operatorAction, tellWithoutService } from '../open-operator.ts';
import { decimalNumber } from '../parse-options.ts';
import { withProgress } from '../progress.ts';
import { EXIT, UsageError, untilInterrupted } from '../run-command.ts';
import { confirm, formatCount, formatDuration, type Terminal } from '../terminal.ts';
import { deadLetterReader, type FilterOptions, findMatching, withFilters } from './dead-letter-filters.ts';

type ActionOptions = FilterOptions & {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  /** Events per second. */
  readonly rate?: number;
};

const VERBS = {
  replay: {
    past: 'replayed',
    description: 'put dead letters back into delivery, with all their retries again',
    act: (redis: Redis, client: string, events: readonly StoredEvent[]) =>
      replayDeadLetters(redis, client, uuidv7(), events, Date.now()),
  },
  discard: { past: 'discarded', description: 'remove dead letters for good', act: discardDeadLetters },
} as const;

type Verb = keyof typeof VERBS;

const parseRate = decimalNumber(
  0.001,
  1_000_000,
  'It is a number of events a second, more than 0, such as 50 or 0.5.',
);

/** `waybill dead-letters replay` and `discard` */
export function addDeadLetterActions(group: Command): void {
  for (const verb of ['replay', 'discard'] as const) {
    const command = withFilters(group.command(verb).description(VERBS[verb].description))
      .option('--dry-run', 'only count')
      .option('--yes', 'do not ask');
    if (verb === 'replay') command.option('--rate <n>', 'at most so many events a second', parseRate);
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
  const { rate } = options;
  const { past } = VERBS[verb];
  let matching = 0;
  for await (const page of findMatching(operator, options)) matching += page.length;
  const howLong = rate === undefined ? '' : ` in about ${formatDuration((matching / rate) * 1_000)}`;
  const nothing = await whyNothing(verb, matching, howLong, operator, options);
  if (nothing !== undefined) {
    terminal.value({ matching, [past]: 0, interrupted: false });
    terminal.line(nothing);
    return EXIT.done;
  }
  if (rate !== undefined) {
    terminal.note(`Replaying ${formatCount(matching)} dead letters${howLong}: ${rate} a second.`);
  }
  const { done, interrupted } = await carryOut(verb, operator, options, matching);
  terminal.value({ matching, [past]: done, interrupted });
  terminal.line(`${formatCount(done)} ${past}.`);
  if (interrupted) terminal.line('Interrupted: run it again for the rest.');
  if (verb === 'replay' && done > 0) await tellWithoutService(terminal, operator.redis);
  return interrupted ? EXIT.interrupted : EXIT.done;
}

/** Says why nothing is to be done, if so. Asks before more than one. @throws UsageError if it cannot ask */
async function whyNothing(
  verb: Verb,
  matching: number,
  howLong: string,
  { config }: Operator,
  { client, dryRun, yes }: ActionOptions,
): Promise<string | undefined> {
  if (matching === 0) return 'No dead letters match.';
  if (dryRun === true) return `${formatCount(matching)} would be ${VERBS[verb].past}${howLong}.`;
  if (matching === 1 || yes === true) return undefined;
  const clients = chooseClients(config, client).join(', ');
  const agreed = await confirm(`${verb} ${formatCount(matching)} dead letters of ${clients}?`);
  if (agreed === undefined) {
    throw new UsageError(
      `${matching} dead letters match: --yes is needed to ${verb} more than one without a terminal`,
    );
  }
  return agreed ? undefined : 'Nothing was done.';
}

/** Acts on all that match, with a progress bar; a signal ends it between two steps. */
function carryOut(verb: Verb, operator: Operator, options: ActionOptions, matching: number) {
  const { config, redis } = operator;
  const { client, limit, rate } = options;
  const { past, act } = VERBS[verb];
  return untilInterrupted((signal) =>
    withProgress(past, matching, (onProgress) =>
      actOnDeadLetters(deadLetterReader(operator), (name, events) => act(redis, name, events), {
        clients: chooseClients(config, client),
        filter: options,
        signal,
        batchSizeOf: (name) => config.clients[name]?.batchSize ?? 1,
        onProgress,
        ...(limit === undefined ? {} : { limit }),
        ...(rate === undefined ? {} : { rate: holdRate(rate, () => performance.now()) }),
      }),
    ),
  );
}
