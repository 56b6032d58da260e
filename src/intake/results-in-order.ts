/** What is done with each of many. */
export interface Acting<Result> {
  /** Begins it for the `index`th item, from 0; must not reject. */
  act(item: unknown, index: number): Promise<Result>;
  /** What is waited for after so many items, before the next one is read; undefined: nothing. */
  pauseAfter(count: number): Promise<void> | undefined;
}

/** Items that were read and whose results were not taken. They bound memory, and still fill many batches. */
const MOST_UNTAKEN = 1_000;

type Source = Iterator<unknown> | AsyncIterator<unknown>;

/** What reading one more item led to. */
type Read = { readonly item: unknown } | { readonly isOver: true } | { readonly error: unknown };

/**
 * Acts on items in their order and hands out the results in the same order, each as soon as it is known. Nothing is
 * read unless a result is asked for, and never more than 1,000 items ahead of the results that were taken.
 *
 * If reading throws, so does the generator, behind the results of what was read before. A consumer that breaks off
 * ends the reading.
 */
export async function* resultsInOrder<Result>(
  items: Iterable<unknown> | AsyncIterable<unknown>,
  { act, pauseAfter }: Acting<Result>,
): AsyncGenerator<Result, void, undefined> {
  const source = isAsync(items) ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  const underWay: Promise<{ readonly result: Result }>[] = [];
  let reading: Promise<Read> | undefined;
  let end: Exclude<Read, { item: unknown }> | undefined;
  try {
    for (let count = 0; end === undefined || underWay.length > 0; ) {
      if (end === undefined && underWay.length < MOST_UNTAKEN) reading ??= readOne(source);
      // Reading comes first: what is ready to be read travels in the same batch.
      const next = await Promise.race([reading, underWay[0]].filter((one) => one !== undefined));
      if ('result' in next) {
        void underWay.shift();
        yield next.result;
        continue;
      }
      reading = undefined;
      if ('item' in next) {
        underWay.push(act(next.item, count).then((result) => ({ result })));
        count += 1;
        await pauseAfter(count);
      } else end = next;
    }
  } finally {
    if (end === undefined) await leave(source, reading !== undefined);
  }
  if (end !== undefined && 'error' in end) throw end.error;
}

/** Whether items come one by one, in their own time. */
export function isAsync(items: Iterable<unknown> | AsyncIterable<unknown>): items is AsyncIterable<unknown> {
  return Symbol.asyncIterator in Object(items);
}

/** Tells a source that no more of it will be read. One that is being read may never answer: it is not waited for. */
async function leave(source: Source, isBeingRead: boolean): Promise<void> {
  const told = source.return?.();
  if (isBeingRead) Promise.resolve(told).catch(() => {});
  else await told;
}

/** Never rejects. */
async function readOne(source: Source): Promise<Read> {
  try {
    const { done, value } = await source.next();
    return done === true ? { isOver: true } : { item: value };
  } catch (error) {
    return { error };
  }
}
