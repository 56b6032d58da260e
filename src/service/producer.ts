import type { Config, ConfigInput } from '../config/config-schema.ts';
import type { EventTypeName, PayloadOf } from '../core/event-types.ts';
import type { SubmitManyOptions, SubmitOptions } from '../intake/submit-options.ts';
import type { SubmitResult } from '../intake/submit-result.ts';
import { takeConfig } from './given-config.ts';
import { openIntake } from './open-intake.ts';
import { openRedisAccess } from './redis-access.ts';

/** Puts events into Waybill. One for a process is enough: it is made for many submissions at once. */
export interface Producer {
  /**
   * Submits one event. Resolves once it is known what became of it, and never rejects:
   *
   * - `accepted`: Redis has it; it will be delivered, or become a dead letter
   * - `refused`: it was not taken; `code` and `problems` say why, each problem with its JSON path
   * - `unknown`: Redis' answer was lost, and it may have been taken (`REDIS_ANSWER_LOST`); or it was taken, and too few
   *   replicas have confirmed it (`REDIS_NOT_REPLICATED`). Submitting it again may double it; with an idempotency key
   *   that is safe: see `SubmitOptions`
   *
   * If Redis is away it is refused at once with `REDIS_UNAVAILABLE`; the producer finds back to Redis by
   * itself. If too many events wait to be written it is refused with `INTAKE_FULL`.
   *
   * @param payload what the contract says for the type; numbers may stand for strings
   */
  submit<Type extends EventTypeName>(
    client: string,
    type: Type,
    payload: PayloadOf<Type>,
    options?: SubmitOptions,
  ): Promise<SubmitResult>;

  /**
   * Submits many events of one type in their order, taking from `payloads` only as fast as Redis takes them.
   *
   * @param payloads an array, a generator, or what gives them one by one in its own time, such as rows of a database
   * @returns what became of each, in the same order; rejects only if `payloads` itself throws, and then what was
   *   read before is submitted all the same. `submitEach` tells of that, too, and keeps no list.
   */
  submitMany<Type extends EventTypeName>(
    client: string,
    type: Type,
    payloads: Iterable<PayloadOf<Type>> | AsyncIterable<PayloadOf<Type>>,
    options?: SubmitManyOptions<PayloadOf<Type>>,
  ): Promise<SubmitResult[]>;

  /**
   * As `submitMany`, for any number of events: hands out what became of each, in their order, as soon as it is known.
   *
   * ```ts
   * for await (const result of producer.submitEach('acme', 'disposition_update', payloads)) {
   *   if (result.outcome !== 'accepted') console.error(result.outcome, result.problems);
   * }
   * ```
   *
   * Nothing is read before the first result is asked for, and at most 1,000 payloads are read ahead of the results
   * that were taken: whoever takes them slowly slows the reading down. A loop that is left ends the reading; what
   * was read by then is submitted all the same, but for a payload that is being waited for.
   *
   * @returns throws only what `payloads` throws, behind the results of what was read before
   */
  submitEach<Type extends EventTypeName>(
    client: string,
    type: Type,
    payloads: Iterable<PayloadOf<Type>> | AsyncIterable<PayloadOf<Type>>,
    options?: SubmitManyOptions<PayloadOf<Type>>,
  ): AsyncGenerator<SubmitResult, void, undefined>;

  /**
   * Writes what was submitted, then releases Redis; an embedded one stops with its last user. Events
   * submitted from now on are refused. Calling it again changes nothing.
   */
  close(): Promise<void>;
}

/** What a producer may be given. */
export interface ProducerOptions {
  /** How long Redis may be silent before its answer counts as lost, in milliseconds; default 10,000. */
  readonly answerTimeoutMs?: number;
}

/**
 * Opens a producer for the clients of a configuration. Without a `redis.url` it uses the embedded Redis of
 * the data directory, and starts it if it does not run.
 *
 * ```ts
 * const producer = await createProducer('waybill.yaml');
 * const result = await producer.submit('acme', 'inventory_receipt', {
 *   program_identifier: 'returns',
 *   asn_number: 'SO00001234',
 *   from: { identifier: '22', type: 'Warehouse' },
 *   to: { identifier: 1352, type: 'Store', original_identifier: '42' },
 *   unit_identifier: 'LPAA1234567',
 *   sku: 'S123456',
 *   initial_condition: 'N',
 *   initial_channel: 'blinq',
 *   ot_user_login: 'jdoe@email.com',
 * });
 * if (result.outcome !== 'accepted') console.error(result.outcome, result.problems);
 * await producer.close();
 * ```
 *
 * @param config what `waybill.yaml` would say, as an object, its paths relative to the working directory; a
 *   configuration from `loadConfig` or `parseConfig`; or the path of a file
 * @throws ConfigError; WaybillError `REDIS_...` if the embedded Redis cannot be started. A configured
 *   Redis that is away is no error here: events are refused until it is back.
 */
export function createProducer(
  config: Config | ConfigInput | string,
  options?: ProducerOptions,
): Promise<Producer>;
// The compiler tells what is wrong by the last of these.
export function createProducer(config: ConfigInput | string, options?: ProducerOptions): Promise<Producer>;
export async function createProducer(
  config: Config | ConfigInput | string,
  options: ProducerOptions = {},
): Promise<Producer> {
  const loaded = takeConfig(config, 'unread');
  const access = await openRedisAccess(loaded);
  const intake = await openIntake(loaded, access.location, options);
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await intake.close();
    await access.release();
  };
  return {
    submit: intake.submit,
    submitMany: intake.submitMany,
    submitEach: intake.submitEach,
    close: () => (closing ??= close()),
  };
}
