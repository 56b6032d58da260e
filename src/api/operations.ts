import { type Redis, ReplyError } from 'ioredis';
import type { DeadLetterFilter } from '../core/dead-letter-filter.ts';
import type { StoredEvent } from '../core/event.ts';
import { type ActResult, actOnDeadLetters } from '../dead-letters/act-on-dead-letters.ts';
import { findDeadLetters, type ReadDeadLetters } from '../dead-letters/find-dead-letters.ts';
import { readClientView, readClientViews, type ViewedClient } from '../queue/client-view.ts';
import { answerLost, isConnected, unavailable } from '../queue/connections.ts';
import {
  discardDeadLetters,
  readDeadLetterPage,
  readDeadLetters,
  readDeadLettersById,
  replayDeadLetters,
} from '../queue/dead-letters.ts';
import { readAllIncidents } from '../queue/incident-store.ts';
import { setPaused } from '../queue/pause-client.ts';
import { countServices } from '../queue/stored-clients.ts';
import { ProblemError } from './problems.ts';

/** What is to be done with dead letters; `count`: nothing. */
export type DeadLetterVerb = 'count' | 'replay' | 'discard';

/** Which dead letters, and for how long. */
export interface DeadLetterOrder {
  readonly clients: readonly string[];
  readonly filter: DeadLetterFilter;
  /** Only these events, of one client. */
  readonly ids?: readonly string[] | undefined;
  readonly limit?: number;
  batchSizeOf(client: string): number;
  /** Ends it between two steps. */
  readonly signal: AbortSignal;
}

/** What the operations need of the outside world. */
export interface OperationParts {
  readonly redis: Redis;
  now(): number;
  newId(): string;
}

/**
 * What operators do, on Redis. All of it throws ProblemError if Redis is away or refuses; `REDIS_ANSWER_LOST` if
 * it may have been done, in part or as a whole, and asking again does it once.
 */
export type Operations = ReturnType<typeof createOperations>;

/** Builds them on an `operator` connection. */
export function createOperations({ redis, now, newId }: OperationParts) {
  const actions = {
    replay: (client: string, events: readonly StoredEvent[]) =>
      replayDeadLetters(redis, client, newId(), events, now()),
    discard: (client: string, events: readonly StoredEvent[]) => discardDeadLetters(redis, client, events),
  };

  async function act(verb: DeadLetterVerb, order: DeadLetterOrder): Promise<ActResult> {
    const { ids, signal, clients, filter, limit } = order;
    const read: ReadDeadLetters = (client) => untilAborted(signal, readLetters(redis, client, filter, ids));
    if (verb !== 'count') return actOnDeadLetters(read, actions[verb], order);
    let found = 0;
    for await (const page of findDeadLetters(read, clients, filter, limit)) found += page.length;
    return { found, done: 0, interrupted: signal.aborted };
  }

  const guard = <Result>(action: () => Promise<Result>): Promise<Result> => orProblem(redis, action);
  const guardChange = <Result>(action: () => Promise<Result>): Promise<Result> =>
    orProblem(redis, action, isConnected(redis));
  return {
    /** How many worker processes deliver; undefined: Redis does not say. */
    services: () => guard(() => countServices(redis)),
    view: (client: ViewedClient) => guard(() => readClientView(redis, client)),
    /** By the clients' names. */
    views: (clients: readonly ViewedClient[]) => guard(() => readClientViews(redis, clients)),
    /** @returns false if it was so already */
    setPaused: (client: string, paused: boolean) =>
      guardChange(() => setPaused(redis, client, paused, now())),
    incidents: (clients: readonly string[]) => guard(() => readAllIncidents(redis, clients, now())),
    deadLetterPage: (client: string, count: number, after?: string) =>
      guard(() => readDeadLetterPage(redis, client, count, after)),
    deadLetter: (client: string, id: string) =>
      guard(async () => (await readDeadLettersById(redis, client, [id])).at(-1)),
    async act(verb: DeadLetterVerb, order: DeadLetterOrder): Promise<ActResult> {
      const result = await (verb === 'count' ? guard : guardChange)(() => act(verb, order));
      return { ...result, interrupted: result.interrupted || order.signal.aborted };
    },
  };
}

async function* readLetters(
  redis: Redis,
  client: string,
  filter: DeadLetterFilter,
  ids: readonly string[] | undefined,
) {
  if (ids === undefined) yield* readDeadLetters(redis, client, filter);
  else yield await readDeadLettersById(redis, client, ids);
}

async function* untilAborted<Page>(signal: AbortSignal, pages: AsyncIterable<Page>): AsyncGenerator<Page> {
  if (signal.aborted) return;
  for await (const page of pages) {
    yield page;
    if (signal.aborted) return;
  }
}

/** What a fault in the code throws; ioredis' own errors are of no class that tells them apart. */
const FAULTS = [TypeError, RangeError, ReferenceError, SyntaxError];

/**
 * Turns what Redis, or the way to it, fails with into a problem.
 *
 * @param mayBeSent it changes something, and Redis could be reached when it began
 * @throws ProblemError; faults of the code as they are
 */
export async function orProblem<Result>(
  redis: Redis,
  action: () => Promise<Result>,
  mayBeSent = false,
): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    if (FAULTS.some((fault) => error instanceof fault)) throw error;
    if (error instanceof ReplyError) {
      const detail = `Redis refused: ${(error as Error).message.split(' ')[0]}`;
      throw new ProblemError('REDIS_REFUSED', detail, undefined, { cause: error });
    }
    const { code, message } = mayBeSent ? answerLost(redis, error as Error) : unavailable(redis, error);
    throw new ProblemError(code, message, undefined, { cause: error });
  }
}
