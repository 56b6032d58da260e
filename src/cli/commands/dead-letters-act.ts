import type { Command } from 'commander';
import { v7 as uuidv7 } from 'uuid';
import { actOnDeadLetters, type DeadLetterAction } from '../../dead-letters/act-on-dead-letters.ts';
import { findDeadLetters } from '../../dead-letters/find-dead-letters.ts';
import { discardDeadLetters, readDeadLetters, replayDeadLetters } from '../../queue/dead-letter-queue.ts';
import { confirm } from '../confirm.ts';
import { EXIT } from '../exit-codes.ts';
import { chooseClients, type Operator, runWithOperator } from '../open-operator.ts';
import { openProgress } from '../progress.ts';
import { UsageError } from '../run-command.ts';
import { formatCount, type Terminal } from '../terminal.ts';
import { type FilterOptions, withFilters } from './filter-options.ts';

type ActionOptions = FilterOptions & { readonly dryRun?: boolean; readonly yes?: boolean };

interface Verb {
  readonly name: 'replay' | 'discard';
  readonly past: 'replayed' | 'discarded';
  readonly description: string;
  action(operator: Operator): DeadLetterAction;
}

const VERBS: readonly Verb[] = [
  {
    name: 'replay',
    past: 'replayed',
    description: 'put dead letters back into delivery, with all their retries again',
    action:
      ({ redis }) =>
      (client, events) =>
        replayDeadLetters(redis, client, uuidv7(), events, Date.now()),
  },
  {
    name: 'discard',
    past: 'discarded',
    description: 'remove dead letters for good',
    action:
      ({ redis }) =>
      (client, events) =>
        discardDeadLetters(redis, client, events),
  },
];

/** `waybill dead-letters replay` and `discard` */
export function addDeadLetterActions(group: Command): void {
  for (const verb of VERBS) {
    withFilters(group.command(verb.name).description(verb.description))
      .option('--dry-run', 'only count')
      .option('--yes', 'do not ask')
      .action((_options, command: Command) => {
        const options = command.optsWithGlobals<ActionOptions>();
        return runWithOperator(options, (terminal, operator) => act(verb, operator, options, terminal));
      });
  }
}

async function act(
  verb: Verb,
  operator: Operator,
  options: ActionOptions,
  terminal: Terminal,
): Promise<number> {
  const clients = chooseClients(operator.config, options.client);
  const read = (client: string) => readDeadLetters(operator.redis, client);
  let matching = 0;
  for await (const page of findDeadLetters(read, clients, options, options.limit)) matching += page.length;

  if (options.dryRun === true || matching === 0) {
    terminal.value({ matching, [verb.past]: 0, dryRun: options.dryRun === true });
    terminal.line(
      matching === 0 ? 'No dead letters match.' : `${formatCount(matching)} would be ${verb.past}.`,
    );
    return EXIT.done;
  }
  if (matching > 1 && options.yes !== true) {
    const agreed = await confirm(
      `${verb.name} ${formatCount(matching)} dead letters of ${clients.join(', ')}?`,
    );
    if (agreed === undefined) {
      throw new UsageError(
        `${matching} dead letters match: --yes is needed to ${verb.name} more than one without a terminal`,
      );
    }
    if (!agreed) {
      terminal.value({ matching, [verb.past]: 0 });
      terminal.line('Nothing was done.');
      return EXIT.done;
    }
  }
  const stopping = new AbortController();
  const onSignal = (): void => stopping.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const progress = openProgress(verb.past, matching);
  const result = await actOnDeadLetters(read, verb.action(operator), {
    clients,
    filter: options,
    signal: stopping.signal,
    batchSizeOf: (client) => operator.config.clients[client]?.batchSize ?? 1,
    onProgress: (done) => progress.update(done),
    ...(options.limit === undefined ? {} : { limit: options.limit }),
  });
  progress.stop();
  process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  terminal.value({ matching, [verb.past]: result.done, interrupted: result.interrupted });
  terminal.line(`${formatCount(result.done)} ${verb.past}.`);
  if (result.interrupted) terminal.line('Interrupted: run it again for the rest.');
  return result.interrupted ? EXIT.interrupted : EXIT.done;
}
