import { MAX_BATCH_BYTES } from '../config/client-config.ts';
import type { ResolvedClient } from '../config/config-schema.ts';
import type { StoredEvent } from '../core/event.ts';
import { findEventType } from '../core/event-types.ts';
import type { JsonSource } from '../core/odd-numbers.ts';
import { quoteText } from '../core/quote-text.ts';
import { validatePayload } from '../core/validate-payload.ts';
import { takeEventKey } from './event-key.ts';
import { type CommitBatch, type CommitOutcome, createGroupCommit, type GroupCommit } from './group-commit.ts';
import type { ReadEventOptions, ReadEventsOptions, SubmitManyOptions } from './submit-options.ts';
import { type Refused, refusal, type SubmitResult } from './submit-result.ts';
import { toKeyedResult, toResult } from './to-result.ts';

/** Takes events in: validates, gives ids, writes them in groups, and says what became of each. */
export interface Intake {
  /** Never rejects: what was refused, and why, is a value. Refuses where too many events wait already. */
  submit(client: string, type: string, payload: unknown, options?: ReadEventOptions): Promise<SubmitResult>;
  /** Submits many, in their order, waiting for room as it goes. */
  submitMany(
    client: string,
    type: string,
    payloads: Iterable<unknown>,
    options?: ReadEventsOptions,
  ): Promise<SubmitResult[]>;
  /** Writes what it has taken, then refuses everything. */
  close(): Promise<void>;
}

/** What intake is made from. */
export interface IntakeParts {
  readonly clients: Readonly<Record<string, ResolvedClient>>;
  /** Writes a client's batches, all or none but for events whose keys stand for others; never rejects. */
  admit(client: string, batches: readonly CommitBatch[]): Promise<CommitOutcome>;
  /** UUIDv7 */
  newId(): string;
}

/** Events of one client that may wait to be written, before `submit` refuses and `submitMany` waits. */
const MAX_PENDING = 10_000;
/** Events that `submitMany` takes before the rest of the process has its turn. */
const EVENTS_A_TURN = 1_000;
const MAX_PENDING_BYTES = 64 * 1024 * 1024;

interface Target {
  readonly client: ResolvedClient;
  readonly type: NonNullable<ReturnType<typeof findEventType>>;
  readonly commit: GroupCommit;
}

/** Builds the intake over all clients of a configuration. */
export function createIntake({ clients, admit, newId }: IntakeParts): Intake {
  const commits = new Map<string, GroupCommit>();
  let closed = false;

  function commitOf(client: ResolvedClient): GroupCommit {
    let commit = commits.get(client.name);
    if (commit === undefined) {
      commit = createGroupCommit({
        write: (batches) => admit(client.name, batches),
        newBatchId: newId,
        batchSize: client.batchSize,
        maxBatchBytes: MAX_BATCH_BYTES,
        maxPending: MAX_PENDING,
        maxPendingBytes: MAX_PENDING_BYTES,
      });
      commits.set(client.name, commit);
    }
    return commit;
  }

  function findTarget(clientName: string, typeName: string): Target | Refused {
    // A program in JavaScript may give anything, and anything need not turn into text.
    const isKnown = typeof clientName === 'string' && Object.hasOwn(clients, clientName);
    const client = isKnown ? clients[clientName] : undefined;
    if (client === undefined) {
      return refusal('UNKNOWN_CLIENT', `client ${named(clientName)} is not in the configuration`);
    }
    const type = findEventType(typeName);
    if (type === undefined) {
      return refusal('UNKNOWN_EVENT_TYPE', `${named(typeName)} is not a known event type`);
    }
    if (client.urls[typeName] === undefined) {
      return refusal('NO_ENDPOINT', `client "${clientName}" has no endpoint for ${typeName}`);
    }
    return { client, type, commit: commitOf(client) };
  }

  /** Validates a payload and hands it to the group commit; a refusal is returned at once. */
  function offer(
    target: Target,
    payload: unknown,
    source: JsonSource | undefined,
    keyOf: KeyOf | undefined,
    done: (result: SubmitResult) => void,
  ): void {
    const taken = toBody(target.type, payload, source);
    if ('outcome' in taken) {
      done(taken);
      return;
    }
    const { body, bytes, unit } = taken;
    const event: StoredEvent = { id: newId(), type: target.type.name, unit, body };
    if (keyOf === undefined) target.commit.add(event, bytes, (outcome) => done(toResult(event.id, outcome)));
    else addKeyed(target.commit, event, bytes, keyOf, done);
  }

  return {
    submit(clientName, typeName, payload, options) {
      if (closed) return Promise.resolve(refusal('INTAKE_CLOSED', 'the producer was closed'));
      const target = findTarget(clientName, typeName);
      if ('outcome' in target) return Promise.resolve(target);
      if (target.commit.full) {
        return Promise.resolve(
          refusal('INTAKE_FULL', `too many events of client "${clientName}" wait to be written already`),
        );
      }
      const key = options?.idempotencyKey;
      const keyOf = key === undefined ? undefined : () => key;
      return new Promise((done) => offer(target, payload, options?.source, keyOf, done));
    },

    async submitMany(clientName, typeName, payloads, options) {
      const target = findTarget(clientName, typeName);
      const results: SubmitResult[] = [];
      let open = 0;
      let onAll: (() => void) | undefined;
      for (const payload of payloads) {
        const index = results.length;
        const early = closed ? refusal('INTAKE_CLOSED', 'the producer was closed') : target;
        if ('outcome' in early) {
          results.push(early);
          continue;
        }
        results.push(PENDING);
        open += 1;
        offer(early, payload, options?.sourceOf?.(index), keyFor(options, payload, index), (result) => {
          results[index] = result;
          open -= 1;
          if (open === 0) onAll?.();
        });
        const pause = pauseAfter(results.length, early.commit);
        if (pause !== undefined) await pause;
      }
      if (open > 0) {
        await new Promise<void>((resolve) => {
          onAll = resolve;
        });
      }
      return results;
    },

    async close() {
      closed = true;
      await Promise.all([...commits.values()].map((commit) => commit.drain()));
    },
  };
}

interface Body {
  readonly body: string;
  readonly bytes: number;
  readonly unit: string;
}

/** Writes a payload as it is to be sent, or says why it is refused. */
function toBody(type: Target['type'], payload: unknown, source: JsonSource | undefined): Body | Refused {
  if (source !== undefined && source.text.length > MAX_BATCH_BYTES) {
    // The search of a text for numbers takes time. Blanks in the text do not make an event too large.
    const bytes = Buffer.byteLength(stringify(payload) ?? '');
    if (bytes > MAX_BATCH_BYTES) return refuseSize(bytes);
  }
  const valid = validatePayload(type, payload, source);
  if (!valid.ok) return { outcome: 'refused', code: 'INVALID_EVENT', problems: valid.problems };
  const body = stringify(valid.payload);
  if (body === undefined) return refuseSize('more than a text can hold');
  const bytes = Buffer.byteLength(body);
  return bytes > MAX_BATCH_BYTES ? refuseSize(bytes) : { body, bytes, unit: valid.unit };
}

function refuseSize(found: number | string): Refused {
  return refusal('EVENT_TOO_LARGE', `must be at most ${MAX_BATCH_BYTES} bytes as JSON, found ${found}`);
}

const MAX_NAME_LENGTH = 100;

function named(name: unknown): string {
  return typeof name === 'string' ? quoteText(name, MAX_NAME_LENGTH) : `(a name of type ${typeof name})`;
}

/** Undefined if it would be longer than the longest text, or is nested too deeply. */
function stringify(payload: unknown): string | undefined {
  try {
    return JSON.stringify(payload);
  } catch {
    // It was validated or read from JSON: nothing else can be wrong with it.
    return undefined;
  }
}

/** What `submitMany` waits for after so many events: room, or the rest of the process having its turn. */
function pauseAfter(count: number, commit: GroupCommit): Promise<void> | undefined {
  if (commit.full) return commit.room();
  if (count % EVENTS_A_TURN > 0) return undefined;
  return new Promise((resolve) => setImmediate(resolve));
}

const PENDING: SubmitResult = refusal('INTAKE_CLOSED', 'not known yet');

type KeyOf = () => unknown;

/** What gives the key of one of many; undefined: none is to be had. */
function keyFor(options: SubmitManyOptions | undefined, payload: unknown, index: number): KeyOf | undefined {
  if (options?.idempotencyKeyOf === undefined) return undefined;
  return () => options.idempotencyKeyOf?.(payload, index);
}

function addKeyed(
  commit: GroupCommit,
  event: StoredEvent,
  bytes: number,
  keyOf: KeyOf,
  done: (result: SubmitResult) => void,
): void {
  const key = takeEventKey(keyOf, event);
  if (key !== undefined && 'outcome' in key) done(key);
  else commit.add(event, bytes, (outcome) => done(toKeyedResult(event.id, key, outcome)), key);
}
