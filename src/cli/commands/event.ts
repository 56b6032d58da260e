import type { Command } from 'commander';
import { actorText } from '../../core/audit.ts';
import { type EventFate, eventFateValue } from '../../core/event-fate.ts';
import { acceptedAt, parseEventId } from '../../core/event-id.ts';
import { formatTime, inWords } from '../../core/quantity-text.ts';
import { createEventLookUp } from '../../queue/look-up-event.ts';
import { chooseClients, operatorAction, tellWithoutService } from '../open-operator.ts';
import { optionParser } from '../parse-options.ts';
import { EXIT, type GlobalOptions } from '../run-command.ts';
import { failureText, oneLine, type Terminal } from '../terminal.ts';

const readId = optionParser(
  parseEventId,
  'It is the id that was given when it was accepted, a UUIDv7; "waybill events --unit" finds events by their unit.',
);

/** Events of which nothing waits for a service. */
const ENDED: ReadonlySet<EventFate['state']> = new Set(['delivered', 'dead', 'discarded']);

type EventOptions = GlobalOptions & { readonly client?: string };

/** `waybill event <id>`: what became of an event. */
export function addEventCommand(program: Command): void {
  program
    .command('event')
    .argument('<id>', "the event's id", readId)
    .option('--client <name>', 'ask one client only')
    .description('tell what became of an event')
    .action(
      operatorAction(async (terminal, { config, redis }, options: EventOptions, id: string) => {
        const clients = chooseClients(config, options.client);
        const now = Date.now();
        const fate = await createEventLookUp({ redis, clients, now: () => now })(id);
        if (fate === undefined) return tellUnknown(terminal, id, clients, config.keepDeliveredHours);
        terminal.value(eventFateValue(fate));
        terminal.line(describe(fate, now));
        if (!ENDED.has(fate.state)) await tellWithoutService(terminal, redis);
        return EXIT.done;
      }),
    );
}

function describe(fate: EventFate, now: number): string {
  const event = `Event ${fate.id} of ${fate.client}`;
  const accepted = `it was accepted ${ago(acceptedAt(fate.id), now)}`;
  switch (fate.state) {
    case 'waiting':
      return `${event} waits to be sent; ${accepted}.`;
    case 'moving':
      return `${event} waits or is being sent: jobs moved too fast to tell which; ${accepted}.`;
    case 'retrying':
      return (
        `${event} is retried: attempt ${fate.attempt} ${ahead(Date.parse(fate.nextAttemptAt), now)}, ` +
        `the last one failed with ${failureText(fate.status, fate.class)}; ${accepted}.`
      );
    case 'delivered':
      return (
        `${event} was delivered ${ago(Date.parse(fate.deliveredAt), now)}: the endpoint answered ${fate.status}` +
        `${fate.attempts === 1 ? '' : ` to attempt ${fate.attempts}`}.`
      );
    case 'discarded': {
      const by = oneLine(actorText(fate.by));
      return `${event} was discarded ${ago(Date.parse(fate.discardedAt), now)} by ${by}.`;
    }
    case 'dead': {
      const show = `waybill dead-letters show ${fate.deadLetterId} --client ${fate.client}`;
      const attempts = fate.attempts === 1 ? 'one attempt' : `${fate.attempts} attempts`;
      const why =
        fate.class === 'expired'
          ? `it was too old to be sent (expired), after ${attempts}`
          : `${attempts} failed, the last one with ${failureText(fate.status, fate.class)}`;
      const again =
        fate.replays === 0 ? '' : `, after ${fate.replays === 1 ? 'a replay' : `${fate.replays} replays`}`;
      return `${event} is a dead letter${again}: ${why}.\n"${show}" shows all of it.`;
    }
  }
}

function ago(at: number, now: number): string {
  return `${inWords(Math.max(0, now - at))} ago (${formatTime(at)})`;
}

function ahead(at: number, now: number): string {
  return at <= now ? 'is due now' : `comes in ${inWords(at - now)} (${formatTime(at)})`;
}

function tellUnknown(terminal: Terminal, id: string, clients: readonly string[], keepHours: number): number {
  const delivered =
    keepHours === 0
      ? 'delivered, which is not remembered here (keepDeliveredHours is 0)'
      : `delivered more than ${keepHours} hours ago, or while Redis was full`;
  const message =
    `nothing is known of event ${id} for ${clients.length > 1 ? `any of ${clients.length} clients` : clients[0]}: ` +
    `it was ${delivered}; or it was discarded more than 90 days ago, or never accepted here`;
  terminal.value({ error: { code: 'EVENT_NOT_FOUND', message } });
  terminal.note(`waybill: ${message}`);
  return EXIT.someFailed;
}
