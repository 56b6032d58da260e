import type { Command } from 'commander';
import type { Config } from '../../config/config-schema.ts';
import { loadConfig } from '../../config/load-config.ts';
import { EVENT_TYPE_NAMES } from '../../core/event-types.ts';
import { readPayloads } from '../../intake/read-payloads.ts';
import { isConnected } from '../../queue/connections.ts';
import { unavailable } from '../../queue/write-errors.ts';
import type { EmbeddedRedisEvent } from '../../redis/embedded.ts';
import { type OpenIntake, openIntake } from '../../service/engine.ts';
import { onLostOutput } from '../../service/lifecycle.ts';
import { openRedisAccess } from '../../service/redis-access.ts';
import { EXIT } from '../exit-codes.ts';
import { openProgress } from '../progress.ts';
import { type GlobalOptions, runCommand } from '../run-command.ts';
import { Account } from '../send/account.ts';
import { JsonAccount } from '../send/json-account.ts';
import { type KeyTemplate, parseKeyTemplate } from '../send/key-template.ts';
import { printAccount } from '../send/print-account.ts';
import { sendEvents } from '../send/send-events.ts';
import { type Sending, sendExport, sendTo } from '../send/sending.ts';
import { GzipError } from '../send/unpack-gzip.ts';
import { tellWithoutService } from '../tell-without-service.ts';
import { formatCount, type Terminal } from '../terminal.ts';

const KEY_HELP =
  'sending again under the same key within 24 h doubles nothing; for many, a key each: ' +
  "'returns-0301:{n}' by their number in the input, '{$.optiturn_lp} {$.timestamp}' by their fields";

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
    .description('put events into the queue of a client')
    .option('--idempotency-key <template>', KEY_HELP, parseKeyTemplate)
    .action(
      (client: string | undefined, type: string | undefined, file: string | undefined, _options, command) => {
        const options = (command as Command).optsWithGlobals<SendOptions>();
        const { fromExport, idempotencyKey } = options;
        if (fromExport === undefined) demandTarget(command, client, type);
        else if (client !== undefined) {
          command.error('error: --from-export goes without a client: each event has its own', MISUSE);
        } else if (idempotencyKey !== undefined) {
          command.error('error: --from-export goes without --idempotency-key: its events have ids', MISUSE);
        }
        return runCommand(options, async (terminal) => {
          const config = loadConfig(options.config);
          const sending =
            fromExport === undefined
              ? sendTo(config, client ?? '', type ?? '', file, idempotencyKey)
              : sendExport(config, fromExport);
          const onEvent = tellRedisTrouble(terminal);
          return withIntake(config, onEvent, (intake) => send(terminal, intake, sending));
        });
      },
    );
}

type SendOptions = GlobalOptions & { readonly fromExport?: string; readonly idempotencyKey?: KeyTemplate };

const MISUSE = { code: 'waybill.usage' };

/** As commander says it of arguments that are never left out. */
function demandTarget(command: Command, client: string | undefined, type: string | undefined): void {
  const missing = client === undefined ? 'client' : type === undefined ? 'type' : undefined;
  if (missing !== undefined) command.error(`error: missing required argument '${missing}'`, MISUSE);
}

/** Says why the embedded Redis went away, where that is something to be seen to. */
function tellRedisTrouble(terminal: Terminal): (event: EmbeddedRedisEvent) => void {
  return (event) => {
    if (event.kind === 'lost' && event.cause !== undefined) terminal.note(`waybill: ${event.cause.message}`);
    if (event.kind === 'regain_failed') terminal.note(`waybill: ${event.error.message}`);
  };
}

/** @throws WaybillError `REDIS_UNAVAILABLE` before anything is read */
async function withIntake(
  config: Config,
  onEvent: (event: EmbeddedRedisEvent) => void,
  action: (intake: OpenIntake) => Promise<number>,
): Promise<number> {
  const access = await openRedisAccess(config, onEvent);
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

async function send(terminal: Terminal, intake: OpenIntake, sending: Sending): Promise<number> {
  if (sending.input.isTerminal) terminal.note('Reading events from the terminal; Ctrl-D ends them.');
  const json = terminal.json ? new JsonAccount(process.stdout) : undefined;
  const account = new Account(json?.add ?? (() => {}), sending.keyTemplate !== undefined);
  const reading = new AbortController();
  let interrupted = false;
  const onSignal = (): void => {
    interrupted = true;
    reading.abort();
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  let error: Error | undefined;
  // Or else the process would end there, and as if all had been sent.
  onLostOutput(() => {
    error ??= new Error('its output cannot be written any more');
    reading.abort();
  });
  try {
    await submitAll(intake, sending, account, reading, async () => json?.flush());
  } catch (thrown) {
    // What was accepted has to be told all the same.
    error ??= thrown as Error;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
  const ending = { interrupted, error };
  await json?.end(account, sending.keyTemplate !== undefined);
  printAccount(terminal, account);
  await tellRest(terminal, intake, account, ending);
  return exitCode(account, ending);
}

/** Reads and submits everything, with a progress bar: by bytes for a file, by events for a stream. */
async function submitAll(
  intake: OpenIntake,
  { input, keyTemplate, submitMany }: Sending,
  account: Account,
  reading: AbortController,
  flush: () => Promise<void>,
): Promise<void> {
  const progress = openProgress(input.size === undefined ? 'events' : 'bytes', input.size);
  let bytesRead = 0;
  const bytes = input.read(reading.signal, (count) => {
    bytesRead += count;
  });
  try {
    await sendEvents({
      payloads: readPayloads(bytes),
      submitMany: (payloads, options) => submitMany(intake, payloads, options),
      keyTemplate,
      account,
      signal: reading.signal,
      async afterSome() {
        progress.update(input.size === undefined ? account.total : bytesRead);
        // Input from a pipe may not end for a long time.
        if (account.failure !== undefined) reading.abort();
        await flush();
      },
    });
  } finally {
    progress.stop();
  }
}

interface Ending {
  readonly interrupted: boolean;
  readonly error: Error | undefined;
}

/** Says why reading ended early, and what the accepted events wait for. */
async function tellRest(
  terminal: Terminal,
  intake: OpenIntake,
  account: Account,
  { interrupted, error }: Ending,
): Promise<void> {
  const again = account.isKeyed ? '; the same command again sends the rest, and nothing twice' : '';
  const { lastLine } = account;
  const unsent = lastLine === 0 ? 'nothing' : `nothing after line ${formatCount(lastLine)}`;
  const rest = `${unsent} was sent${again}`;
  if (error !== undefined) terminal.note(`waybill: sending ended early: ${error.message}; ${rest}`);
  else if (account.failure !== undefined) terminal.note(`waybill: ${account.failure}; ${rest}`);
  else if (interrupted) terminal.note(`Interrupted: ${rest}.`);
  else if (account.lastLine === 0) terminal.note('The input holds no events.');
  if (account.accepted > 0) await tellWithoutService(terminal, intake.redis);
}

function exitCode(account: Account, { interrupted, error }: Ending): number {
  if (interrupted) return EXIT.interrupted;
  if (error !== undefined) return error instanceof GzipError ? EXIT.someFailed : EXIT.unexpected;
  const nothingWritten = account.accepted + account.repeated + account.unknown === 0;
  if (account.failure !== undefined && nothingWritten) return EXIT.redisUnavailable;
  return account.refused > 0 || account.unknown > 0 ? EXIT.someFailed : EXIT.done;
}
