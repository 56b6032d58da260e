import { type Command, Option } from 'commander';
import { deliverUntil } from '../../../workers/delivery.ts';
import { loadConfig } from '../../config.ts';
import { stopSignal } from '../../lifecycle.ts';
import { bufferedStdout, createLog } from '../../log.ts';
import { EXIT } from '../exit-codes.ts';
import { type GlobalOptions, runCommand } from '../run-command.ts';

const LEVELS = ['debug', 'info', 'warn', 'error'];

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
        const signal = await deliverUntil(stopSignal(), config, log);
        // Whatever still holds the event loop has nothing left to do.
        process.exit(signal === 'SIGPIPE' ? EXIT.unexpected : EXIT.done);
      });
    });
}
