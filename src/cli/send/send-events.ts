import type { ReadPayload } from '../../intake/read-payloads.ts';
import type { ReadEventsOptions } from '../../intake/submit-options.ts';
import { refusal, type SubmitResult } from '../../intake/submit-result.ts';
import type { Account } from './account.ts';
import type { KeyTemplate } from './key-template.ts';

/** Events that are submitted in one go, and how many such goes may be under way: a bound on memory. */
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
  /** Called when it is known what became of some events; later ones wait for it. */
  afterSome(): Promise<void>;
}

/**
 * Submits what is read, as it comes, and accounts for it in the order of the input. Ends early where `signal`
 * says so; what was submitted by then is accounted for, also where it throws.
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
    // Every item has a number in the input as a whole, those that are no payload too.
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
      // It is awaited later; until then its failure is nobody's.
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
