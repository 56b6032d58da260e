import { type Command, Option } from 'commander';
import { stringify } from 'yaml';
import { SANDBOX_PORT } from '../../config/sandbox-config.ts';
import { seededRandom } from '../../core/random.ts';
import { showMs, showRate } from '../../loadtest/quantities.ts';
import type { Capacity, CapacityOptions } from '../../sandbox/capacity.ts';
import type { ClientSettings } from '../../sandbox/company.ts';
import { EXAMPLE_SCRIPT } from '../../sandbox/example-script.ts';
import type { SandboxScript } from '../../sandbox/sandbox-script.ts';
import {
  type ScriptedClient,
  type ScriptedClientOptions,
  startScriptedClient,
} from '../../sandbox/scripted-client.ts';
import { stopSignal } from '../../service/lifecycle.ts';
import { parseCount, parsePercentage, parseRate, parseTime, wholeNumber } from '../parse-options.ts';
import { commandAction, EXIT, type GlobalOptions, UsageError } from '../run-command.ts';
import { makeCertificate, saveCertificate } from '../sandbox/certificate.ts';
import { readScript } from '../sandbox/read-script.ts';
import { openRequestView, printSummary } from '../sandbox/request-view.ts';
import type { Terminal } from '../terminal.ts';

/** Rates per second, times in milliseconds, shares from 0 to 1. */
interface SandboxOptions extends GlobalOptions {
  readonly port: number;
  readonly host: string;
  readonly example?: boolean;
  readonly show?: 'bodies';
  readonly tls?: boolean;
  readonly seed?: number;
  readonly capacity?: number;
  readonly latency?: number;
  readonly latencySpread?: number;
  readonly onOverload?: `${keyof typeof ON_OVERLOAD}`;
  readonly queue?: number;
  readonly declaredLimit?: number;
}

const DEFAULT_LATENCY_MS = 20;
const ON_OVERLOAD = { queue: 'queue', 503: 503, 429: 429 } as const;
const parsePort = wholeNumber(0, 65_535, 'It is a whole number from 0 to 65535.');
const parseQueue = wholeNumber(0, 9_999_999, 'It is a whole number, such as 50.');

/** `waybill sandbox [script]`: plays a client, to try a configuration on before the real one is there. */
export function addSandboxCommand(program: Command): void {
  program
    .command('sandbox')
    .argument('[script]', 'a file that says what to answer; without one, what the contract says')
    .description('play a client: answer as a script says, and check what arrives against the contract')
    .option('--port <n>', 'the port to listen on; 0: one that is free', parsePort, SANDBOX_PORT)
    .option('--host <address>', 'the address to listen on; 0.0.0.0: all of this machine', '127.0.0.1')
    .option('--example', 'print a script with comments, and end')
    .addOption(new Option('--show <what>', 'print the body of each delivery as well').choices(['bodies']))
    .option('--tls', 'speak HTTPS, with a certificate that is made now and written to sandbox-ca.pem')
    .option('--seed <n>', 'makes what happens by chance repeatable', parseCount)
    .option('--capacity <rate>', 'serve so much at most, such as 300/s, and let the rest wait', parseRate)
    .option('--latency <time>', `what a request takes (${DEFAULT_LATENCY_MS}ms with --capacity)`, parseTime)
    .option('--latency-spread <share>', 'how far single requests are from it, such as 20%', parsePercentage)
    .addOption(
      new Option(
        '--on-overload <what>',
        'of a request that finds the queue full (default: queue, without end)',
      ).choices(['queue', '503', '429']),
    )
    .option('--queue <n>', "how many may wait, with 503 or 429 (default: a second's worth)", parseQueue)
    .option('--declared-limit <rate>', 'answer 429 beyond this rate, such as 80/s', parseRate)
    .action(commandAction(run));
}

async function run(terminal: Terminal, options: SandboxOptions, file?: string): Promise<number> {
  if (options.example === true) {
    terminal.value({ example: EXAMPLE_SCRIPT });
    terminal.verbatim(EXAMPLE_SCRIPT.trimEnd());
    return EXIT.done;
  }
  const script = readScript(file);
  const capacity = capacityOf(options);
  const stopped = stopSignal();
  const view = openRequestView(terminal, options.show === 'bodies');
  const certificate = options.tls === true ? makeCertificate(options.host) : undefined;
  try {
    const play = await listen(script, options, {
      ...(capacity && { capacity }),
      ...(certificate && { tls: certificate }),
      onRequest: view.add,
    });
    try {
      // Not before: the file of another sandbox that holds the port stays as it is.
      const ca = certificate && saveCertificate(certificate.cert);
      tellWhere(terminal, play, capacity, ca);
      await stopped;
    } finally {
      await play.close();
    }
    view.stop();
    printSummary(terminal, play.totals);
    return play.totals.faults.size === 0 ? EXIT.done : EXIT.someFailed;
  } finally {
    view.stop();
  }
}

/** @throws UsageError if the address cannot be listened on */
async function listen(
  script: SandboxScript,
  { host, port, seed = script.seed }: SandboxOptions,
  options: Pick<ScriptedClientOptions, 'capacity' | 'tls' | 'onRequest'>,
): Promise<ScriptedClient> {
  try {
    return await startScriptedClient(script, {
      ...options,
      address: { host, port },
      random: seed === undefined ? Math.random : seededRandom(seed),
      wallClock: Date.now,
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'it is taken; --port names another one' : (code ?? message);
    throw new UsageError(`port ${port} of ${host} cannot be listened on: ${why}`);
  }
}

/** @param ca the file with its certificate; undefined: it does not speak HTTPS */
function tellWhere(
  terminal: Terminal,
  play: ScriptedClient,
  asked: CapacityOptions | undefined,
  ca: string | undefined,
): void {
  const { baseUrl, capacity } = play;
  const client = ca === undefined ? play.clientSettings : trusting(play.clientSettings, ca);
  terminal.value({ kind: 'listening', baseUrl, client, ...(asked && { capacity: asked }) });
  terminal.line(`Listening at ${baseUrl}. The entry for it in waybill.yaml:\n`);
  terminal.verbatim(stringify({ clients: { sandbox: client } }).trimEnd());
  if (asked && capacity) terminal.line(`\n${describeCapacity(asked, capacity)}`);
  terminal.line('\nCtrl-C ends it with a summary.\n');
}

/** Its token service has the same certificate. */
function trusting(client: ClientSettings, ca: string): ClientSettings {
  const { auth } = client;
  const tls = { ca };
  return { ...client, ...(auth?.type === 'oauth2' && { auth: { ...auth, tls } }), tls };
}

/** What the flags ask for; undefined: nothing. @throws UsageError if they contradict each other */
function capacityOf(flags: SandboxOptions): CapacityOptions | undefined {
  expectTogether(flags);
  const { capacity, latency, latencySpread = 0, declaredLimit, queue = Math.ceil(capacity ?? 0) } = flags;
  if (capacity === undefined && latency === undefined && declaredLimit === undefined) return undefined;
  return {
    ...(capacity === undefined ? {} : { ratePerSecond: capacity }),
    latencyMs: latency ?? (capacity === undefined ? 0 : DEFAULT_LATENCY_MS),
    latencySpread,
    onOverload: ON_OVERLOAD[flags.onOverload ?? 'queue'],
    queue,
    ...(declaredLimit === undefined ? {} : { declaredLimitPerSecond: declaredLimit }),
  };
}

function expectTogether({ capacity, latency, latencySpread, onOverload, queue }: SandboxOptions): void {
  const refuses = onOverload === '503' || onOverload === '429';
  if (onOverload !== undefined && capacity === undefined) throw needs('--on-overload', '--capacity');
  if (queue !== undefined && !refuses) throw needs('--queue', '--on-overload 503 or 429');
  const hasLatency = latency !== undefined || capacity !== undefined;
  if (latencySpread !== undefined && !hasLatency) throw needs('--latency-spread', '--latency');
}

/** What it takes, for people: a sentence or two. */
function describeCapacity(options: CapacityOptions, { servers }: Pick<Capacity, 'servers'>): string {
  const { ratePerSecond, latencyMs, latencySpread, onOverload, queue, declaredLimitPerSecond } = options;
  const spread = latencySpread === 0 ? '' : ` ± ${latencySpread * 100} %`;
  const each = `${showMs(latencyMs)}${spread} each`;
  const beyond = onOverload === 'queue' ? 'the rest waits' : `${queue} may wait, the rest gets ${onOverload}`;
  const served =
    ratePerSecond === undefined
      ? `Requests take ${each}.`
      : `It serves ${showRate(ratePerSecond)}: ${servers} at a time, ${each}; ${beyond}.`;
  if (declaredLimitPerSecond === undefined) return served;
  return `${served} Beyond ${showRate(declaredLimitPerSecond)} it answers 429.`;
}

function needs(flag: string, other: string): UsageError {
  return new UsageError(`${flag} needs ${other}`);
}
