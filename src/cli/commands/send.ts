import type { Command } from 'commander';
import type { Config } from '../../config/config-schema.ts';
import { loadConfigWithoutTls } from '../../config/load-config.ts';
import { EVENT_TYPE_NAMES } from '../../core/event-types.ts';
import { formatCount } from '../../core/quantity-text.ts';
import { isConnected, unavailable } from '../../queue/connections.ts';
import { onLostOutput } from '../../service/lifecycle.ts';
import { type OpenIntake, openIntake } from '../../service/open-intake.ts';
import { openRedisAccess } from '../../service/redis-access.ts';
import { tellWithoutService } from '../open-operator.ts';
import { parseCount } from '../parse-options.ts';
import { commandAction, EXIT, type GlobalOptions, untilInterrupted } from '../run-command.ts';
import { Account, printAccount } from '../send/account.ts';
import { GzipError } from '../send/event-input.ts';
import { type KeyTemplate, parseKeyTemplate } from '../send/key-template.ts';
import { IdLines, JsonListing, type Listing } from '../send/listing.ts';
import { type Sending, sendEvents, sendExport, sendTo } from '../send/send-events.ts';
import type { Terminal } from '../terminal.ts';

const KEY_HELP =
  'sending again under the same key within 24 h doubles nothing; for many, a key each: ' +
  "'returns-0301:{n}' by their number in the input, '{type} {$.optiturn_lp} {$.timestamp}' by their fields";

const IDS_HELP =
  'print the id of each event, one a line in the order of the input, "-" and a code for a refused one; ' +
  'the account goes to stderr';

/** `waybill send <client> <type> [file|-]`: submits events from a file or from stdin. */
export function addSendCommand(program: Command): void {
  program
    .command('send')
    .argument('[client]', 'who receives the events')
    .argument('[type]', `their type: ${EVENT_TYPE_NAMES.join(', ')}`)
    .argument(
      '[file]',
      'JSON objects, an array, or NDJSON (one event a line), packed by gzip or not; - or nothing: stdin',
    )
    .option(
      '--from-export <file>',
      'instead of all these: what "dead-letters export" wrote, each event to its client under its old id; - is stdin',
    )
    .option('--again', 'with --from-export: send events that were delivered since, too; each once in 24 h')
    .option('--sample', 'instead of a file: valid sample events, the published one first')
    .option('--count <n>', 'how many samples (default: 1)', parseCount)
    .description('put events into the queue of a client')
    .option('--idempotency-key <template>', KEY_HELP, parseKeyTemplate)
    .option('--ids', IDS_HELP)
    .hook('preAction', (_program, command) => {
      const misuse = findMisuse(command.opts<SendOptions>(), command.args);
      if (misuse !== undefined) command.error(`error: ${misuse}`, { code: 'waybill.usage' });
    })
    .action(commandAction(run));
}

const FORGETS_DELIVERED =
  'What was delivered since the export is not known, and is sent again: keepDeliveredHours is 0.';
const SAMPLE_MISUSE = '--sample goes without a file and without stdin: it makes the events itself';

type SendOptions = GlobalOptions & {
  readonly fromExport?: string;
  readonly again?: boolean;
  readonly sample?: boolean;
  readonly count?: number;
  readonly idempotencyKey?: KeyTemplate;
  readonly ids?: boolean;
};

async function run(
  terminal: Terminal,
  options: SendOptions,
  client: string,
  type: string,
  file: string | undefined,
): Promise<number> {
  const { fromExport, again = false, idempotencyKey, ids = false, sample, count = 1 } = options;
  const config = loadConfigWithoutTls(options.config);
  const sending =
    fromExport === undefined
      ? sendTo(config, client, type, sample ? count : file, idempotencyKey)
      : sendExport(config, fromExport, again);
  if (sample) terminal.note(`Samples, with made-up values: "${client}" cannot tell them from real events.`);
  if (fromExport !== undefined && !again && config.keepDeliveredHours === 0) terminal.note(FORGETS_DELIVERED);
  return withIntake(terminal, config, (intake) => send(terminal, intake, sending, ids));
}

/** Says what is wrong with the arguments, in commander's words for arguments that are always required. */
function findMisuse(
  { fromExport, again, idempotencyKey, sample, count }: SendOptions,
  [client, type, file]: readonly string[],
): string | undefined {
  if (count !== undefined && !sample) return '--count goes with --sample';
  if (fromExport === undefined) {
    if (again === true) return '--again goes with --from-export only';
    if (client === undefined) return "missing required argument 'client'";
    if (type === undefined) return "missing required argument 'type'";
    return sample && file !== undefined ? SAMPLE_MISUSE : undefined;
  }
  if (sample) return '--from-export goes without --sample';
  if (client !== undefined) return '--from-export goes without a client: each event has its own';
  if (idempotencyKey === undefined) return undefined;
  return '--from-export goes without --idempotency-key: its events have ids';
}

/** @throws WaybillError `REDIS_UNAVAILABLE` before anything is read */
async function withIntake(
  terminal: Terminal,
  config: Config,
  action: (intake: OpenIntake) => Promise<number>,
): Promise<number> {
  const access = await openRedisAccess(config, (event) => {
    if (event.kind === 'lost' && event.cause !== undefined) terminal.note(`waybill: ${event.cause.message}`);
    if (event.kind === 'regain_failed') terminal.note(`waybill: ${event.error.message}`);
  });
  try {
    const intake = await openIntake(config, access.location);
    try {
      if (!isConnected(intake.redis)) throw unavailable(intake.redis);
      return await action(intake);
    } finally {
      await intake.close();
    }
  } finally {
    await access.release();
  }
}

/** @param ids has stdout tell the id of each event */
async function send(terminal: Terminal, intake: OpenIntake, sending: Sending, ids: boolean): Promise<number> {
  if (sending.input.isTerminal) terminal.note('Reading events from the terminal; Ctrl-D ends them.');
  const listing: Listing | undefined = terminal.json ? new JsonListing() : ids ? new IdLines() : undefined;
  const account = new Account(sending.safeBy, listing);
  const reading = new AbortController();
  let error: Error | undefined;
  // Without a listener the process would end there, as if everything had been sent.
  onLostOutput(() => {
    error ??= new Error('its output cannot be written any more');
    reading.abort();
  });
  const interrupted = await untilInterrupted(async (signal) => {
    signal.addEventListener('abort', () => reading.abort());
    // What was accepted has to be told even if the rest fails.
    await sendEvents(intake, sending, account, reading).catch((thrown: Error) => {
      error ??= thrown;
    });
    return signal.aborted;
  });
  await account.end();
  if (!terminal.json) printAccount((line) => (ids ? terminal.note(line) : terminal.line(line)), account, ids);
  tellRest(terminal, account, interrupted, error);
  if (account.accepted > 0) await tellWithoutService(terminal, intake.redis, listing !== undefined);
  return exitCode(account, interrupted, error);
}

/** Says why reading ended early. */
function tellRest(
  terminal: Terminal,
  account: Account,
  interrupted: boolean,
  error: Error | undefined,
): void {
  const again =
    account.safeBy !== undefined ? '; the same command again sends the rest, and nothing twice' : '';
  const { lastLine } = account;
  const unsent = lastLine === 0 ? 'nothing' : `nothing after line ${formatCount(lastLine)}`;
  const rest = `${unsent} was sent${again}`;
  if (error !== undefined) terminal.note(`waybill: sending ended early: ${error.message}; ${rest}`);
  else if (account.failure !== undefined) terminal.note(`waybill: ${account.failure}; ${rest}`);
  else if (interrupted) terminal.note(`Interrupted: ${rest}.`);
  else if (account.lastLine === 0) terminal.note('The input holds no events.');
}

function exitCode(account: Account, interrupted: boolean, error: Error | undefined): number {
  if (interrupted) return EXIT.interrupted;
  if (error !== undefined) return error instanceof GzipError ? EXIT.someFailed : EXIT.unexpected;
  const nothingWritten = account.accepted + account.repeated + account.unknown === 0;
  if (account.failure !== undefined && nothingWritten) return EXIT.redisUnavailable;
  return account.refused > 0 || account.unknown > 0 ? EXIT.someFailed : EXIT.done;
}
