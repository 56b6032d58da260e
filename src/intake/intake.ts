import { MAX_BATCH_BYTES } from '../config/client-config.ts';
import type { ResolvedClient } from '../config/config-schema.ts';
import type { EventType } from '../core/event-type.ts';
import type { NewBatch, WriteOutcome } from '../queue/admit.ts';
import type { Endpoint } from '../queue/names.ts';
import { Backlog } from './backlog.ts';
import { type Clients, findEndpoint } from './find-endpoint.ts';
import { GroupCommit } from './group-commit.ts';
import { type Submission, toNewEvent } from './new-event.ts';
import { isAsync, resultsInOrder } from './results-in-order.ts';
import type { ReadEventOptions, ReadEventsOptions } from './submit-options.ts';
import { type Refused, refusal, type SubmitResult, toResult } from './submit-result.ts';

/** What intake is made from. */
export interface IntakeParts {
  readonly clients: Clients;
  /** Writes an endpoint's batches, all or none but for events whose keys stand for others; never rejects. */
  admit(endpoint: Endpoint, batches: readonly NewBatch[]): Promise<WriteOutcome>;
  /** UUIDv7 */
  newId(): string;
}

/** Events of one client that may wait to be written, before `submit` refuses and `submitMany` waits. */
const MAX_WAITING = 10_000;
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** Events of many that are taken before other tasks of the process get a turn. */
const EVENTS_A_TURN = 1_000;

/** Payloads that are there, or that come. */
type Payloads = Iterable<unknown> | AsyncIterable<unknown>;

/** An endpoint that events are submitted to. */
interface Target {
  readonly type: EventType;
  readonly backlog: Backlog;
  readonly commit: GroupCommit;
}

/** Takes events in: validates them, gives them ids, writes them in groups, and reports the result of each. */
export class Intake {
  readonly #parts: IntakeParts;
  /** By client. */
  readonly #backlogs = new Map<string, Backlog>();
  /** By client and event type. */
  readonly #targets = new Map<string, Target>();
  #isClosed = false;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /** Never rejects: a refusal and its reason are a value. Refuses if too many events of the client wait. */
  submit(
    clientName: string,
    typeName: string,
    payload: unknown,
    options?: ReadEventOptions,
  ): Promise<SubmitResult> {
    const target = this.#isClosed ? CLOSED : this.#findTarget(clientName, typeName);
    if ('outcome' in target) return Promise.resolve(target);
    if (target.backlog.isFull) {
      const message = `too many events of client "${clientName}" wait to be written already`;
      return Promise.resolve(refusal('INTAKE_FULL', message));
    }
    const key = options?.idempotencyKey;
    const keyOf = key === undefined ? undefined : () => key;
    return new Promise((done) => this.#offer(target, { payload, source: options?.source, keyOf }, done));
  }

  /** Submits many in their order, and waits if too many events of the client wait. Results come in the same order. */
  async submitMany(
    clientName: string,
    typeName: string,
    payloads: Payloads,
    options?: ReadEventsOptions,
  ): Promise<SubmitResult[]> {
    const found = this.#findTarget(clientName, typeName);
    const results: SubmitResult[] = [];
    let open = 0;
    let onAll: (() => void) | undefined;
    const take = (payload: unknown): Promise<void> | undefined => {
      const index = results.length;
      results.push(PENDING);
      open += 1;
      this.#offerOneOf(found, payload, index, options, (result) => {
        results[index] = result;
        open -= 1;
        if (open === 0) onAll?.();
      });
      return this.#pauseAfter(results.length, found);
    };
    if (isAsync(payloads)) {
      for await (const payload of payloads) await take(payload);
    } else {
      for (const payload of payloads) {
        const pause = take(payload);
        if (pause !== undefined) await pause;
      }
    }
    if (open > 0) {
      await new Promise<void>((resolve) => {
        onAll = resolve;
      });
    }
    return results;
  }

  /** As `submitMany`, but hands out each result as soon as it and all before it are known. */
  submitEach(
    clientName: string,
    typeName: string,
    payloads: Payloads,
    options?: ReadEventsOptions,
  ): AsyncGenerator<SubmitResult, void, undefined> {
    const found = this.#findTarget(clientName, typeName);
    return resultsInOrder(payloads, {
      act: (payload, index) =>
        new Promise<SubmitResult>((done) => this.#offerOneOf(found, payload, index, options, done)),
      pauseAfter: (count) => this.#pauseAfter(count, found),
    });
  }

  /** Writes the events that it has taken, then refuses everything. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#targets.values()].map(({ commit }) => commit.drain()));
  }

  /** Offers the `index`th of many. */
  #offerOneOf(
    found: Target | Refused,
    payload: unknown,
    index: number,
    options: ReadEventsOptions | undefined,
    done: (result: SubmitResult) => void,
  ): void {
    const target = this.#isClosed ? CLOSED : found;
    if ('outcome' in target) {
      done(target);
      return;
    }
    const source = options?.sourceOf?.(index);
    this.#offer(target, { payload, source, keyOf: keyFor(options, payload, index) }, done);
  }

  /** What is waited for after so many events, if for anything: room in the backlog, or a turn of other tasks. */
  #pauseAfter(count: number, target: Target | Refused): Promise<void> | undefined {
    if ('backlog' in target && !this.#isClosed && target.backlog.isFull) return target.backlog.room();
    if (count % EVENTS_A_TURN > 0) return undefined;
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Makes an event of a payload and hands it to the group commit; calls `done` at once if it is refused. */
  #offer(target: Target, submission: Submission, done: (result: SubmitResult) => void): void {
    const made = toNewEvent(target.type, submission, this.#parts.newId);
    if ('outcome' in made) {
      done(made);
      return;
    }
    const { event, key } = made;
    target.commit.add(made, (outcome) => done(toResult(event.id, key, outcome)));
  }

  #findTarget(clientName: string, typeName: string): Target | Refused {
    const endpoint = findEndpoint(this.#parts.clients, clientName, typeName);
    if ('outcome' in endpoint) return endpoint;
    const { client, type } = endpoint;
    const name = `${client.name} ${type.name}`;
    let target = this.#targets.get(name);
    if (target === undefined) {
      target = this.#openTarget(client, type);
      this.#targets.set(name, target);
    }
    return target;
  }

  #openTarget(client: ResolvedClient, type: EventType): Target {
    const { admit, newId } = this.#parts;
    const backlog = this.#backlogs.get(client.name) ?? new Backlog(MAX_WAITING, MAX_WAITING_BYTES);
    this.#backlogs.set(client.name, backlog);
    const endpoint = { client: client.name, type: type.name };
    const commit = new GroupCommit({
      write: (batches) => admit(endpoint, batches),
      newBatchId: newId,
      batchSize: client.batchSize,
      maxBatchBytes: MAX_BATCH_BYTES,
      backlog,
    });
    return { type, backlog, commit };
  }
}

/** What gives the idempotency key of one of many; undefined: the events have none. */
function keyFor(
  options: ReadEventsOptions | undefined,
  payload: unknown,
  index: number,
): Submission['keyOf'] {
  if (options?.idempotencyKeyOf === undefined) return undefined;
  return () => options.idempotencyKeyOf?.(payload, index);
}

const CLOSED = refusal('INTAKE_CLOSED', 'the producer was closed');
const PENDING: SubmitResult = refusal('INTAKE_CLOSED', 'not known yet');
