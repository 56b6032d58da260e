import { v7 as uuidv7 } from 'uuid';
import type { Config } from '../../config/config-schema.ts';
import { EVENT_TYPE_NAMES, findEventType } from '../../core/event-types.ts';
import { didYouMean } from '../../core/near-miss.ts';
import type { ReadPayload } from '../../intake/read-payloads.ts';
import { restore } from '../../intake/restore.ts';
import type { ReadEventsOptions } from '../../intake/submit-options.ts';
import { refusal, type SubmitResult } from '../../intake/submit-result.ts';
import { restoreEvents } from '../../queue/restore-events.ts';
import type { OpenIntake } from '../../service/engine.ts';
import { findClient } from '../open-operator.ts';
import { UsageError } from '../run-command.ts';
import type { Account } from './account.ts';
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
  const { urls } = findClient(config, client);
  if (findEventType(type) === undefined) {
    const known = EVENT_TYPE_NAMES.join(', ');
    throw new UsageError(
      `"${type}" is not an event type; there are: ${known}${didYouMean(type, EVENT_TYPE_NAMES)}`,
    );
  }
  if (urls[type] === undefined) {
    throw new UsageError(`client "${client}" has no endpoint for ${type} in ${config.file}`);
  }
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

/** Events that are submitted at once, and submissions that may be under way: a bound on memory. */
const MAX_EVENTS = 1_000;
const MAX_UNDER_WAY = 8;

/** What sending takes. */
export interface SendParts {
  /** What each read of the input brought. */
  readonly payloads: AsyncIterable<readonly ReadPayload[]>;
  submitMany(payloads: readonly unknown[], options?: ReadEventsOptions): Promise<readonly SubmitResult[]>;
  /** Undefined: events have no idempotency keys. */
  readonly keyTemplate: KeyTemplate | undefined;
  readonly account: Account;
  readonly signal: AbortSignal;
  /** Called after some events were counted; later ones wait for it. */
  afterSome(): Promise<void>;
}

/**
 * Submits what is read, as it comes, and counts it in the order of the input. `signal` ends it early. What was
 * submitted by then is counted, even if it throws.
 *
 * @throws errors of the input
 */
export async function sendEvents({
  payloads,
  keyTemplate,
  account,
  signal,
  ...parts
}: SendParts): Promise<void> {
  let seen = 0;
  async function send(items: readonly ReadPayload[], earlier: Promise<void> | undefined): Promise<void> {
    // Every item has a number in the whole input, even if it is no payload.
    const valid = items.flatMap((item, at) => ('payload' in item ? [{ ...item, n: seen + at + 1 }] : []));
    seen += items.length;
    const results = await parts.submitMany(
      valid.map(({ payload }) => payload),
      {
        sourceOf: (index) => valid[index]?.source,
        ...(keyTemplate && {
          idempotencyKeyOf: (payload, index) => keyTemplate(payload, valid[index]?.n ?? 0),
        }),
      },
    );
    await earlier;
    let next = 0;
    for (const item of items) {
      const result = 'payload' in item ? results[next++] : refusal('INVALID_EVENT', item.problem);
      if (result !== undefined) account.count(item.line, result);
    }
    await parts.afterSome();
  }

  const underWay: Promise<void>[] = [];
  try {
    for await (const items of inParts(payloads)) {
      if (underWay.length >= MAX_UNDER_WAY) await underWay.shift();
      if (signal.aborted) break;
      const sending = send(items, underWay.at(-1));
      // It is awaited later; a failure before that is not unhandled.
      sending.catch(() => {});
      underWay.push(sending);
    }
  } finally {
    await Promise.all(underWay);
  }
}

async function* inParts(
  reads: AsyncIterable<readonly ReadPayload[]>,
): AsyncGenerator<readonly ReadPayload[]> {
  for await (const read of reads) {
    for (let from = 0; from < read.length; from += MAX_EVENTS) yield read.slice(from, from + MAX_EVENTS);
  }
}
