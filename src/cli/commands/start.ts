import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import { parseConfig, readConfigText } from '../../config/load-config.ts';
import { bufferedStdout, createLog, prettyStream } from '../../log.ts';
import { stopSignal } from '../../service/lifecycle.ts';
import { shortlyBegun } from '../../service/redis-access.ts';
import { type Service, startService } from '../../service/service.ts';
import { defaultWorkers, parseWorkers } from '../parse-options.ts';
import { commandAction, EXIT, type GlobalOptions } from '../run-command.ts';

const LEVELS = ['debug', 'info', 'warn', 'error'];

interface StartOptions extends GlobalOptions {
  readonly logLevel: string;
  readonly workers: number;
}

/** `waybill start`: runs the service in the foreground until it is asked to stop. */
export function addStartCommand(program: Command): void {
  program
    .command('start')
    .description('run the service in the foreground; SIGTERM or Ctrl-C stops it, SIGHUP reads the file anew')
    .addOption(
      new Option('--workers <n>', "worker processes; a client's concurrency is for each of them")
        .argParser(parseWorkers)
        .default(defaultWorkers(availableParallelism()), 'one less than processors, at least 1'),
    )
    .addOption(
      new Option('--log-level <level>', 'what to log; debug adds a line for each event delivered at once')
        .choices(LEVELS)
        .default('info')
        .env('WAYBILL_LOG_LEVEL'),
    )
    .action(commandAction((_terminal, options: StartOptions) => run(options)));
}

async function run(options: StartOptions): Promise<never> {
  const text = readConfigText(options.config);
  const config = parseConfig(text, options.config);
  const { log, onOutput } = openLog(options);
  let service: Service | undefined;
  const stopped = stopSignal(() => service?.kill());
  const { workers, logLevel } = options;
  const starting = startService({ config, text, workers, logLevel, log, now: Date.now, onOutput });
  // Service managers send it to have the file read anew; it may come while Redis is still waited for.
  process.on('SIGHUP', () => {
    starting.then((started) => started.reload()).catch(() => {});
  });
  service = await Promise.race([starting, stopped.then(() => undefined)]);
  const running = service;
  try {
    await Promise.race([running?.started, stopped]);
  } catch (error) {
    await running?.stop();
    throw error;
  }
  const signal = await stopped;
  log.info({ signal, graceMs: config.shutdownGraceMs }, 'stopping');
  await (running ?? (await shortlyBegun(config, starting)))?.stop();
  log.info({}, 'stopped');
  // Whatever still holds the event loop has nothing left to do.
  process.exit(signal === 'SIGPIPE' ? EXIT.unexpected : EXIT.done);
}

/** The service's own log, and what takes the lines of its workers' into the same. */
function openLog({ logLevel: level, json }: StartOptions) {
  const forPeople = process.stdout.isTTY === true && json !== true;
  const destination = forPeople ? prettyStream(process.stdout) : bufferedStdout();
  const log = createLog({ level, destination });
  return { log, onOutput: (lines: string): void => void destination.write(lines) };
}
