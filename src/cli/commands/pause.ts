import type { Command } from 'commander';
import { v7 as uuidv7 } from 'uuid';
import { formatCount } from '../../core/quantity-text.ts';
import { readClientView } from '../../queue/client-view.ts';
import { setPaused } from '../../queue/pause-client.ts';
import { findClient, operatorAction } from '../open-operator.ts';
import { EXIT, type GlobalOptions } from '../run-command.ts';

/** `waybill pause <client>` */
export function addPauseCommand(program: Command): void {
  addCommand(program, 'pause', "stop sending a client's events; they wait, and no attempt is counted");
}

/** `waybill resume <client>` */
export function addResumeCommand(program: Command): void {
  addCommand(program, 'resume', "go on sending a paused client's events");
}

function addCommand(program: Command, name: 'pause' | 'resume', description: string): void {
  program
    .command(name)
    .argument('<client>', 'the client')
    .description(description)
    .action(
      operatorAction(async (terminal, { config, redis, by }, _options: GlobalOptions, client: string) => {
        const found = findClient(config, client);
        const paused = name === 'pause';
        const note = { id: uuidv7(), action: name, by };
        const changed = await setPaused(redis, client, paused, Date.now(), note);
        const { waiting, inFlight, retrying } = await readClientView(redis, found);
        terminal.value({ client, paused, changed, waiting, inFlight, retrying });
        terminal.line(describe(client, paused, changed));
        terminal.line(
          `${formatCount(waiting)} waiting, ${formatCount(inFlight)} in flight, ${formatCount(retrying)} retrying`,
        );
        return EXIT.done;
      }),
    );
}

function describe(client: string, paused: boolean, changed: boolean): string {
  if (!changed) return `${client} ${paused ? 'was paused already' : 'was not paused'}.`;
  if (!paused) return `${client} goes on.`;
  return `${client} is paused: requests under way are finished, everything else waits for "waybill resume ${client}".`;
}
