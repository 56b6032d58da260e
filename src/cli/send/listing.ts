import type { SubmitResult } from '../../intake/submit-result.ts';

/** What keeps events that are sent again from being doubled: their idempotency keys, or the ids of an export. */
export type SafeBy = 'keys' | 'export' | undefined;

/** How many events came to what. */
export interface Counts {
  readonly accepted: number;
  /** Accepted before, under the same idempotency key; not among the accepted. */
  readonly repeated: number;
  /** Refused, since they were delivered after they were exported. */
  readonly delivered: number;
  readonly unknown: number;
  readonly safeBy: SafeBy;
}

/** What stdout tells of every event. Text is taken from it as it comes: there may be millions of events. */
export interface Listing {
  /** Adds an event, in the order of the input. */
  add(line: number, result: SubmitResult): void;
  /** Gives the text that was not taken yet. */
  take(): string;
  /** Gives what stands behind the last event, in parts. */
  end(counts: Counts): Iterable<string>;
}

/**
 * A line for each event of the input, so that the nth line is of the nth event: its id, and `unknown` if Redis' answer
 * was lost; or `-` and the code of its refusal.
 */
export class IdLines implements Listing {
  #text = '';

  add(_line: number, result: SubmitResult): void {
    if (result.outcome === 'refused') this.#text += `- ${result.code}\n`;
    else this.#text += result.outcome === 'unknown' ? `${result.id} unknown\n` : `${result.id}\n`;
  }

  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }

  end(): Iterable<string> {
    return [];
  }
}

/** One JSON object. The refused events come first, as they are refused; the ids are kept until the end. */
export class JsonListing implements Listing {
  #text = '{"refused":[';
  #refused = 0;
  readonly #ids = new KeptIds();
  readonly #unknownIds: string[] = [];

  add(line: number, result: SubmitResult): void {
    if (result.outcome !== 'refused') {
      this.#ids.push(result.id);
      if (result.outcome === 'unknown') this.#unknownIds.push(result.id);
      return;
    }
    const { code, problems } = result;
    this.#ids.push(undefined);
    this.#text += `${this.#refused > 0 ? ',' : ''}${JSON.stringify({ line, code, problems })}`;
    this.#refused += 1;
  }

  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }

  *end({ accepted, repeated, delivered, unknown, safeBy }: Counts): Generator<string> {
    yield `],"accepted":${accepted},`;
    if (safeBy === 'keys') yield `"repeated":${repeated},`;
    if (safeBy === 'export') yield `"delivered":${delivered},`;
    yield `"unknown":${unknown},`;
    if (unknown > 0) yield `"unknownIds":${JSON.stringify(this.#unknownIds)},`;
    yield '"ids":[';
    yield* this.#ids.toJson();
    yield ']}\n';
  }
}

const ID_BYTES = 16;
const IDS_A_BLOCK = 4_096;
/** What is kept for an event without an id; no UUID has the version 0 and another 1. */
const NO_ID = '00000000-0000-0000-0000-000000000001';

/** Ids in 16 bytes each: a million of them take 16 MB. */
class KeptIds {
  readonly #blocks: Buffer[] = [];
  #count = 0;

  push(id: string | undefined): void {
    const at = this.#count % IDS_A_BLOCK;
    if (at === 0) this.#blocks.push(Buffer.alloc(IDS_A_BLOCK * ID_BYTES));
    this.#blocks.at(-1)?.write((id ?? NO_ID).replaceAll('-', ''), at * ID_BYTES, 'hex');
    this.#count += 1;
  }

  /** The elements of a JSON array, some thousands at a time; `null` stands for no id. */
  *toJson(): Generator<string> {
    for (const [n, block] of this.#blocks.entries()) {
      const count = Math.min(IDS_A_BLOCK, this.#count - n * IDS_A_BLOCK);
      const ids = Array.from({ length: count }, (_, at) => readId(block, at * ID_BYTES));
      yield `${n > 0 ? ',' : ''}${ids.map((id) => (id === NO_ID ? 'null' : `"${id}"`)).join(',')}`;
    }
  }
}

function readId(block: Buffer, at: number): string {
  return block.toString('hex', at, at + ID_BYTES).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
