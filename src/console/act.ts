import type { KeyInfo } from '../api/key.ts';
import { groupBy } from '../core/group-by.ts';
import { get, post } from './api.ts';
import type { Filters } from './filters.tsx';

/** A dead letter as far as an action needs it. */
export interface Chosen {
  readonly client: string;
  readonly type: string;
  readonly id: string;
}

export type Verb = 'replay' | 'discard';

/** Which dead letters are meant: some, one by one, or all that filters match. */
export type Target = { readonly letters: readonly Chosen[] } | { readonly filters: Filters };

/** An endpoint at which replayed events would wait. */
export interface Unavailable {
  readonly client: string;
  readonly type: string;
  readonly reason: 'paused' | 'down' | 'retry_after';
  readonly until: string | null;
  readonly holds: boolean;
}

/** What would be done. */
export interface Plan {
  /** What was counted, and is meant by what follows: nothing that dies later. */
  readonly target: Target;
  readonly matching: number;
  /** False: there are more than could be counted in time. */
  readonly complete: boolean;
  readonly unavailable: readonly Unavailable[];
}

type Answer = Omit<Plan, 'target'> & { readonly replayed?: number; readonly discarded?: number };

const MOST_IDS = 500;
/** Dead letters of one request: few enough for progress, and for Stop. */
const STEP = 2_000;
const LOOK_EVERY_MS = 500;
/** Events that are looked up at once. */
const AT_ONCE = 20;

/** Only counts. @throws ApiError */
export async function planOf(verb: Verb, given: Target): Promise<Plan> {
  const target = 'filters' in given ? { filters: await endedNow(given.filters) } : given;
  const parts = 'filters' in target ? [target.filters] : [...inParts(target.letters)];
  const answers: Answer[] = [];
  for (const part of parts) answers.push(await ask(verb, { ...part, dryRun: true }));
  const found = new Map(
    answers.flatMap(({ unavailable = [] }) => unavailable).map((one) => [endpointOf(one), one]),
  );
  return {
    target,
    matching: answers.reduce((sum, { matching }) => sum + matching, 0),
    complete: answers.every(({ complete }) => complete),
    unavailable: [...found.values()],
  };
}

/** The same filters, of what is there by now: by the clock of the service, which says when events die. */
async function endedNow(filters: Filters): Promise<Filters> {
  const now = Date.parse((await get<KeyInfo>('/v1/key')).now);
  const until = filters['until'] === undefined ? now : Date.parse(filters['until']);
  return { ...filters, until: new Date(Math.min(until, now)).toISOString() };
}

/** How dead letters are acted on, step by step. */
export interface Steps {
  readonly operation: string;
  /** Events a second. */
  readonly rate: number | undefined;
  readonly signal: AbortSignal;
  /** How many there are at most; absent: nobody counted them. */
  readonly most?: number;
}

/** Acts, step by step, until all is done or the signal ends it. @throws ApiError */
export async function carryOut(
  verb: Verb,
  target: Target,
  options: Steps,
  onDone: (more: number, ids?: readonly string[]) => void,
): Promise<void> {
  const { operation, rate, signal, most = Number.POSITIVE_INFINITY } = options;
  // A rate below one is one event in several seconds.
  const step = rate === undefined ? STEP : Math.max(1, Math.round(rate));
  let mayBeginAt = 0;
  let total = 0;
  const act = async (body: {
    readonly ids?: readonly string[];
    readonly limit?: number;
  }): Promise<Answer> => {
    await sleep(mayBeginAt - performance.now(), signal);
    if (signal.aborted) return NOTHING;
    const begun = performance.now();
    const answer = await ask(verb, { ...body, operation });
    const done = answer.replayed ?? answer.discarded ?? 0;
    onDone(done, body.ids);
    total += done;
    if (rate !== undefined) mayBeginAt = begun + (done / rate) * 1_000;
    return answer;
  };
  if ('letters' in target) {
    for (const part of inParts(target.letters, Math.min(step, MOST_IDS))) await act(part);
    return;
  }
  for (;;) {
    const { matching, complete } = await act({ ...target.filters, limit: step });
    if (signal.aborted || total >= most || (complete && matching < step)) return;
  }
}

const NOTHING: Answer = { matching: 0, complete: true, unavailable: [] };

/** Filters always have an end (`until`): the API wants no further word that really all are meant. */
function ask(verb: Verb, body: object): Promise<Answer> {
  return post<Answer>(`/v1/dead-letters/${verb}`, body);
}

/** Requests name events of one client each. */
function* inParts(letters: readonly Chosen[], most = MOST_IDS) {
  for (const [client, of] of groupBy(letters, (one) => one.client)) {
    for (let from = 0; from < of.length; from += most) {
      yield { client, ids: of.slice(from, from + most).map(({ id }) => id) };
    }
  }
}

/** What became of the canaries. */
export interface Canaries {
  readonly replayed: number;
  readonly delivered: number;
  readonly failed: number;
}

/** Replays some and waits for the first attempt of each; the signal ends the wait. @throws ApiError */
export async function tryCanaries(
  letters: readonly Chosen[],
  operation: string,
  signal: AbortSignal,
  onProgress: (canaries: Canaries) => void,
  onDone: (more: number, ids?: readonly string[]) => void,
): Promise<Canaries> {
  let waiting = letters;
  let canaries: Canaries = { replayed: 0, delivered: 0, failed: 0 };
  const tell = (change: Partial<Canaries>): void => {
    canaries = { ...canaries, ...change };
    onProgress(canaries);
  };
  await carryOut('replay', { letters }, { operation, rate: undefined, signal }, (more, ids) => {
    onDone(more, ids);
    tell({ replayed: canaries.replayed + more });
  });
  // Somebody else may have taken the others.
  while (canaries.delivered + canaries.failed < canaries.replayed && !signal.aborted) {
    await sleep(LOOK_EVERY_MS, signal);
    const fates: Fate[] = [];
    for (let from = 0; from < waiting.length; from += AT_ONCE) {
      fates.push(...(await Promise.all(waiting.slice(from, from + AT_ONCE).map(fateOf))));
    }
    const many = (fate: Fate): number => fates.filter((one) => one === fate).length;
    waiting = waiting.filter((_, i) => fates[i] === 'waits');
    tell({
      delivered: canaries.delivered + many('delivered'),
      failed: canaries.failed + many('failed'),
    });
  }
  return canaries;
}

type Fate = 'waits' | 'delivered' | 'failed';

async function fateOf({ client, id }: Chosen): Promise<Fate> {
  const query = { client, id };
  const { events, complete } = await get<{ events: { state: string }[]; complete: boolean }>(
    '/v1/events',
    query,
  );
  const [event] = events;
  // Of what was delivered nothing may be kept; what moves just now is not looked through completely.
  if (event === undefined) return complete ? 'delivered' : 'waits';
  if (event.state === 'waiting') return 'waits';
  return event.state === 'delivered' ? 'delivered' : 'failed';
}

/** The canaries of each endpoint: the first selected letters, or the oldest that match. @throws ApiError */
export async function chooseCanaries(target: Target, each: number): Promise<Chosen[]> {
  if ('letters' in target) {
    return [...groupBy(target.letters, endpointOf).values()].flatMap((of) => of.slice(0, each));
  }
  const chosen: Chosen[] = [];
  for (const endpoint of await endpointsOf(target.filters)) {
    chosen.push(...(await oldestOf({ ...target.filters, ...endpoint }, each)));
  }
  return chosen;
}

type Counts = { readonly endpoints: Readonly<Record<string, { readonly dead: number }>> };

/** The endpoints that have dead letters, of a client or of all. */
async function endpointsOf({ client, type }: Filters) {
  const { clients } =
    client === undefined
      ? await get<{ clients: Readonly<Record<string, Counts>> }>('/v1/clients')
      : { clients: { [client]: await get<Counts>(`/v1/clients/${encodeURIComponent(client)}`) } };
  return Object.entries(clients).flatMap(([name, { endpoints }]) =>
    Object.entries(endpoints).flatMap(([of, { dead }]) =>
      dead > 0 && (type ?? of) === of ? [{ client: name, type: of }] : [],
    ),
  );
}

async function oldestOf(filters: Filters, most: number): Promise<Chosen[]> {
  const found: Chosen[] = [];
  let cursor: string | undefined;
  do {
    const query = { ...filters, limit: most - found.length, cursor };
    const page = await get<{ deadLetters: Chosen[]; next: string | null }>('/v1/dead-letters', query);
    found.push(...page.deadLetters);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined && found.length < most);
  return found;
}

function endpointOf({ client, type }: Pick<Chosen, 'client' | 'type'>): string {
  return `${client} ${type}`;
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** A new id of an operation: `crypto.randomUUID` is missing where the page came over plain HTTP. */
export function newOperation(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
