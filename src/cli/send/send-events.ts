import type { ReadPayload } from '../../intake/read-payloads.ts';
import { refusal, type SubmitResult } from '../../intake/submit-result.ts';
import type { Account } from './account.ts';

const CHUNK_EVENTS = 1_000;
const CHUNK_BYTES = 4 * 1024 * 1024;

/** What sending takes. */
export interface SendParts {
  readonly payloads: AsyncIterable<readonly ReadPayload[]>;
  submitMany(payloads: readonly unknown[]): Promise<readonly SubmitResult[]>;
  readonly account: Account;
  readonly signal: AbortSignal;
  /** Called after each chunk; the next one waits for it. */
  afterChunk(): Promise<void>;
}

/**
 * Submits what is read, chunk by chunk; the next chunk is read while one is written. Ends early, with what was
 * submitted accounted for, when `signal` says so and when Redis takes no more.
 */
export async function sendEvents({
  payloads,
  submitMany,
  account,
  signal,
  afterChunk,
}: SendParts): Promise<void> {
  async function sendChunk(chunk: readonly ReadPayload[]): Promise<void> {
    const results = await submitMany(chunk.flatMap((item) => ('payload' in item ? [item.payload] : [])));
    let next = 0;
    for (const item of chunk) {
      const result = 'payload' in item ? results[next++] : refusal('INVALID_EVENT', item.problem);
      if (result !== undefined) account.count(item.line, result);
    }
    await afterChunk();
  }

  let underWay = Promise.resolve();
  for await (const chunk of inChunks(payloads)) {
    await underWay;
    if (signal.aborted || account.failure !== undefined) return;
    underWay = sendChunk(chunk);
    // It is awaited in the next round, or below; until then its failure is nobody's.
    underWay.catch(() => {});
  }
  await underWay;
}

async function* inChunks(payloads: AsyncIterable<readonly ReadPayload[]>): AsyncGenerator<ReadPayload[]> {
  let chunk: ReadPayload[] = [];
  let bytes = 0;
  for await (const some of payloads) {
    for (const item of some) {
      chunk.push(item);
      bytes += 'payload' in item ? item.bytes : 0;
      if (chunk.length < CHUNK_EVENTS && bytes < CHUNK_BYTES) continue;
      yield chunk;
      chunk = [];
      bytes = 0;
    }
  }
  if (chunk.length > 0) yield chunk;
}
