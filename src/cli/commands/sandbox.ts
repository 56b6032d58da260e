import type { Command } from 'commander';
import { stringify } from 'yaml';
import { seededRandom } from '../../core/seeded-random.ts';
import type { CapacityOptions } from '../../sandbox/capacity.ts';
import { EXAMPLE_SCRIPT } from '../../sandbox/example-script.ts';
import { type Play, startPlay } from '../../sandbox/play.ts';
import type { SandboxScript } from '../../sandbox/sandbox-script.ts';
import { stopSignal } from '../../service/lifecycle.ts';
import { parseCount, wholeNumber } from '../parse-options.ts';
import { commandAction, EXIT, type GlobalOptions, UsageError } from '../run-command.ts';
import {
  type CapacityFlags,
  capacityOf,
  describeCapacity,
  withCapacityFlags,
} from '../sandbox/capacity-options.ts';
import { readScript } from '../sandbox/read-script.ts';
import { openRequestView, printSummary, type RequestView } from '../sandbox/request-view.ts';
import type { Terminal } from '../terminal.ts';

interface SandboxOptions extends GlobalOptions, CapacityFlags {
  readonly port: number;
  readonly host: string;
  readonly example?: boolean;
  readonly seed?: number;
}

const DEFAULT_PORT = 4080;
const parsePort = wholeNumber(0, 65_535, 'It is a whole number from 0 to 65535.');

/** `waybill sandbox [script]`: plays a client, to try a configuration on before the real one is there. */
export function addSandboxCommand(program: Command): void {
  const command = program
    .command('sandbox')
    .argument('[script]', 'a file that says what to answer; without one, what the contract says')
    .description('play a client: answer as a script says, and check what arrives against the contract')
    .option('--port <n>', 'the port to listen on; 0: one that is free', parsePort, DEFAULT_PORT)
    .option('--host <address>', 'the address to listen on; 0.0.0.0: all of this machine', '127.0.0.1')
    .option('--example', 'print a script with comments, and end')
    .option('--seed <n>', 'makes what happens by chance repeatable', parseCount);
  withCapacityFlags(command).action(commandAction(run));
}

async function run(terminal: Terminal, options: SandboxOptions, file?: string): Promise<number> {
  if (options.example === true) {
    terminal.value({ example: EXAMPLE_SCRIPT });
    terminal.line(EXAMPLE_SCRIPT.trimEnd());
    return EXIT.done;
  }
  const script = readScript(file);
  const capacity = capacityOf(options);
  const stopped = stopSignal();
  const view = openRequestView(terminal, Date.now);
  try {
    const play = await listen(script, capacity, options, view);
    tellWhere(terminal, play, capacity);
    await stopped;
    await play.close();
    view.stop();
    printSummary(terminal, play.account);
    return play.account.faults.size === 0 ? EXIT.done : EXIT.someFailed;
  } finally {
    view.stop();
  }
}

/** @throws UsageError if the address cannot be listened on */
async function listen(
  script: SandboxScript,
  capacity: CapacityOptions | undefined,
  { host, port, seed = script.seed }: SandboxOptions,
  view: RequestView,
): Promise<Play> {
  try {
    return await startPlay(script, {
      address: { host, port },
      random: seed === undefined ? Math.random : seededRandom(seed),
      ...(capacity === undefined ? {} : { capacity }),
      wallClock: Date.now,
      onRequest: view.add,
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'it is taken; --port names another one' : (code ?? message);
    throw new UsageError(`port ${port} of ${host} cannot be listened on: ${why}`);
  }
}

function tellWhere(terminal: Terminal, play: Play, asked: CapacityOptions | undefined): void {
  const { baseUrl, clientSettings, capacity } = play;
  terminal.value({ kind: 'listening', baseUrl, client: clientSettings, ...(asked && { capacity: asked }) });
  terminal.line(`Listening at ${baseUrl}. The entry for it in waybill.yaml:\n`);
  terminal.line(stringify({ clients: { sandbox: clientSettings } }).trimEnd());
  if (asked && capacity) terminal.line(`\n${describeCapacity(asked, capacity)}`);
  terminal.line('\nCtrl-C ends it with a summary.\n');
}
