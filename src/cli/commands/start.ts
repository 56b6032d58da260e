import { setTimeout } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { type DeliveryWorkers, runDeliveryWorkers } from '../../../workers/delivery.ts';
import { loadConfig } from '../../config.ts';
import type { Config } from '../../core/config-schema.ts';
import { stopSignal } from '../../lifecycle.ts';
import { bufferedStdout, createLog } from '../../log.ts';
import { EXIT } from '../exit-codes.ts';
import { type GlobalOptions, runCommand } from '../run-command.ts';

const LEVELS = ['debug', 'info', 'warn', 'error'];

/** How long a stop waits for a start that is under way. */
const BEGIN_MS = 3_000;

/** The workers that a signal met while they started: an embedded Redis that comes up now has to be let go. */
async function shortlyBegun(config: Config, starting: Promise<DeliveryWorkers>) {
  if (config.redis !== undefined) return undefined;
  return Promise.race([starting.catch(() => undefined), setTimeout(BEGIN_MS, undefined)]);
}

/** `waybill start`: runs the service in the foreground until it is asked to stop. */
export function addStartCommand(program: Command): void {
  program
    .command('start')
    .description('run the service in the foreground; SIGTERM or Ctrl-C stops it')
    .addOption(
      new Option('--log-level <level>', 'what to log; debug adds a line for each event delivered at once')
        .choices(LEVELS)
        .default('info')
        .env('WAYBILL_LOG_LEVEL'),
    )
    .action((_options, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { logLevel: string }>();
      return runCommand(options, async () => {
        const config = loadConfig(options.config);
        const forPeople = process.stdout.isTTY === true && options.json !== true;
        const log = createLog({
          level: options.logLevel,
          pretty: forPeople,
          destination: forPeople ? process.stdout : bufferedStdout(),
        });
        const stopped = stopSignal();
        const starting = runDeliveryWorkers(config, log);
        // A signal may come while Redis is still waited for: then nothing is under way.
        const workers = await Promise.race([starting, stopped.then(() => undefined)]);
        const signal = await stopped;
        log.info({ signal, graceMs: config.shutdownGraceMs }, 'stopping');
        await (workers ?? (await shortlyBegun(config, starting)))?.stop();
        log.info({}, 'stopped');
        // Whatever still holds the event loop has nothing left to do.
        process.exit(signal === 'SIGPIPE' ? EXIT.unexpected : EXIT.done);
      });
    });
}
