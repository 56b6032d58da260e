import { MAX_BATCH_BYTES } from '../config/client-config.ts';
import type { ResolvedClient } from '../config/config-schema.ts';
import type { EventType } from '../core/event-type.ts';
import type { NewBatch, WriteOutcome } from '../queue/admit.ts';
import type { Endpoint } from '../queue/names.ts';
import { Backlog } from './backlog.ts';
import { type Clients, findEndpoint } from './find-endpoint.ts';
import { GroupCommit } from './group-commit.ts';
import { type Submission, toNewEvent } from './new-event.ts';
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
/** Events that `submitMany` takes before it gives other tasks of the process a turn. */
const EVENTS_A_TURN = 1_000;

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
    payloads: Iterable<unknown>,
    options?: ReadEventsOptions,
  ): Promise<SubmitResult[]> {
    const found = this.#findTarget(clientName, typeName);
    const results: SubmitResult[] = [];
    let open = 0;
    let onAll: (() => void) | undefined;
    for (const payload of payloads) {
      const index = results.length;
      const target = this.#isClosed ? CLOSED : found;
      if ('outcome' in target) {
        results.push(target);
        continue;
      }
      results.push(PENDING);
      open += 1;
      const submission = {
        payload,
        source: options?.sourceOf?.(index),
        keyOf: keyFor(options, payload, index),
      };
      this.#offer(target, submission, (result) => {
        results[index] = result;
        open -= 1;
        if (open === 0) onAll?.();
      });
      const pause = pauseAfter(results.length, target.backlog);
      if (pause !== undefined) await pause;
    }
    if (open > 0) {
      await new Promise<void>((resolve) => {
        onAll = resolve;
      });
    }
    return results;
  }

  /** Writes the events that it has taken, then refuses everything. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#targets.values()].map(({ commit }) => commit.drain()));
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

/** What `submitMany` waits for after an event, if for anything: room in the backlog, or a turn of other tasks. */
function pauseAfter(count: number, backlog: Backlog): Promise<void> | undefined {
  if (backlog.isFull) return backlog.room();
  if (count % EVENTS_A_TURN > 0) return undefined;
  return new Promise((resolve) => setImmediate(resolve));
}
