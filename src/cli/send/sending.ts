import { v7 as uuidv7 } from 'uuid';
import type { Config } from '../../config/config-schema.ts';
import { EVENT_TYPE_NAMES, findEventType } from '../../core/event-types.ts';
import { didYouMean } from '../../core/near-miss.ts';
import { restore } from '../../intake/restore.ts';
import type { ReadEventsOptions } from '../../intake/submit-options.ts';
import type { SubmitResult } from '../../intake/submit-result.ts';
import { restoreEvents } from '../../queue/restore-events.ts';
import type { OpenIntake } from '../../service/open-intake.ts';
import { chooseClients } from '../open-operator.ts';
import { UsageError } from '../run-command.ts';
import { type EventInput, findInput } from './event-input.ts';
import type { KeyTemplate } from './key-template.ts';

/** What is sent, and how it is submitted. */
export interface Sending {
  readonly input: EventInput;
  readonly keyTemplate?: KeyTemplate | undefined;
  submitMany(
    intake: OpenIntake,
    payloads: readonly unknown[],
    options?: ReadEventsOptions,
  ): Promise<readonly SubmitResult[]>;
}

/** Payloads of one type for one client. @throws UsageError */
export function sendTo(
  config: Config,
  client: string,
  type: string,
  file: string | undefined,
  keyTemplate: KeyTemplate | undefined,
): Sending {
  checkTarget(config, client, type);
  return {
    input: findInput(file),
    keyTemplate,
    submitMany: (intake, payloads, options) => intake.submitMany(client, type, payloads, options),
  };
}

/** Exported events, each for the client that it names. @throws UsageError */
export function sendExport({ clients }: Config, file: string): Sending {
  return {
    input: findInput(file),
    submitMany: ({ redis }, lines) =>
      restore(lines, {
        clients,
        write: (client, events) => restoreEvents(redis, client, uuidv7(), events, Date.now()),
      }),
  };
}

function checkTarget(config: Config, client: string, type: string): void {
  chooseClients(config, client);
  if (findEventType(type) === undefined) {
    const known = EVENT_TYPE_NAMES.join(', ');
    throw new UsageError(
      `"${type}" is not an event type; there are: ${known}${didYouMean(type, EVENT_TYPE_NAMES)}`,
    );
  }
  if (config.clients[client]?.urls[type] === undefined) {
    throw new UsageError(`client "${client}" has no endpoint for ${type} in ${config.file}`);
  }
}
