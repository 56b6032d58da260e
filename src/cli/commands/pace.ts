import type { Command } from 'commander';
import { v7 as uuidv7 } from 'uuid';
import type { ResolvedClient, ResolvedEndpoint } from '../../config/config-schema.ts';
import { paceValue } from '../../core/endpoint-pace.ts';
import { didYouMean } from '../../core/near-miss.ts';
import { type ClientView, type EndpointView, readClientView } from '../../queue/client-view.ts';
import { type Opened, openEndpoint } from '../../queue/open-endpoint.ts';
import { findClient, type Operator, operatorAction, tellWithoutService } from '../open-operator.ts';
import { paceLines, withheldLines } from '../pace-text.ts';
import { EXIT, type GlobalOptions, UsageError } from '../run-command.ts';
import type { Terminal } from '../terminal.ts';

interface PaceOptions extends GlobalOptions {
  readonly open?: boolean;
}

/** `waybill pace <client> [type] [--open]`: how fast its endpoints are sent to. */
export function addPaceCommand(program: Command): void {
  program
    .command('pace')
    .argument('<client>', 'the client')
    .argument('[type]', 'the event type of one endpoint; default: all')
    .description("show how fast a client's endpoints are sent to, and what waits for that")
    .option('--open', 'try the endpoint again at once')
    .action(
      operatorAction(async (terminal, operator, options: PaceOptions, name: string, type?: string) => {
        const client = findClient(operator.config, name);
        if (type !== undefined) expectEndpoint(client, type);
        if (options.open !== true) await tellPaces(terminal, operator, client, type);
        else if (type === undefined) throw new UsageError('--open wants the event type of one endpoint');
        else await openOne(terminal, operator, client, type);
        await tellWithoutService(terminal, operator.redis);
        return EXIT.done;
      }),
    );
}

/** @throws UsageError */
function expectEndpoint({ name, endpoints }: ResolvedClient, type: string): void {
  const known = Object.keys(endpoints);
  if (known.includes(type)) return;
  const there = `there are: ${known.join(', ')}${didYouMean(type, known)}`;
  throw new UsageError(`client "${name}" has no endpoint for "${type}"; ${there}`);
}

async function tellPaces(
  terminal: Terminal,
  { redis }: Operator,
  client: ResolvedClient,
  type: string | undefined,
): Promise<void> {
  const view = await readClientView(redis, client);
  const endpoints = Object.entries(view.endpoints).filter(([each]) => type === undefined || each === type);
  const paces = endpoints.map(([each, { pace }]) => [each, { pace: paceValue(pace) }] as const);
  terminal.value({ client: client.name, endpoints: Object.fromEntries(paces) });
  for (const [each, endpoint] of endpoints) printPace(terminal, `${client.name} ${each}`, endpoint);
  printPause(terminal, client.name, view);
}

function printPause(terminal: Terminal, name: string, { pausedAt }: ClientView): void {
  if (pausedAt !== undefined)
    terminal.line(`${name} is paused: nothing is sent until "waybill resume ${name}".`);
}

function printPace(terminal: Terminal, name: string, { pace, withheld }: EndpointView): void {
  for (const line of paceLines(name, pace, Date.now())) terminal.line(line);
  if (withheld === undefined) return;
  for (const line of withheldLines(name, withheld)) terminal.line(line);
}

async function openOne(
  terminal: Terminal,
  { redis, by }: Operator,
  client: ResolvedClient,
  type: string,
): Promise<void> {
  const note = { id: uuidv7(), action: 'pace', by, filter: { type } } as const;
  const opened = await openEndpoint(redis, client.endpoints[type] as ResolvedEndpoint, note);
  const view = await readClientView(redis, client);
  const endpoint = view.endpoints[type] as EndpointView;
  terminal.value({ client: client.name, type, ...opened, pace: paceValue(endpoint.pace) });
  terminal.line(describe(`${client.name} ${type}`, opened));
  if (opened.changed) printPace(terminal, `${client.name} ${type}`, endpoint);
  printPause(terminal, client.name, view);
}

function describe(endpoint: string, { changed, before, after }: Opened): string {
  if (!changed) return `${endpoint} is open already.`;
  if (after === 'open') return `${endpoint} was ${before}: it is sent to as fast as it takes.`;
  return `${endpoint} was ${before}: it is tried again now, slowly at first.`;
}
