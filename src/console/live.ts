import type { LiveAway, LiveOverview, LiveRow } from '../api/live-row.ts';
import { ApiError, open } from './api.ts';

/** How the stream is: the page says so while it is not `live`. */
export type LinkState = 'connecting' | 'live' | 'away' | 'lost';

/** All that the stream has told. */
export interface LiveState {
  readonly link: LinkState;
  /** Why Redis is away, or the service does not answer. */
  readonly reason: string;
  /** When the rows came, by the clock of `performance.now()`. */
  readonly cameAt: number;
  /** When the rows were read; undefined: there are none yet. */
  readonly at: string | undefined;
  readonly services: number | null;
  /** Clients that cannot be read: their rows are old. */
  readonly unread: readonly string[];
  /** By client and type with a blank between. */
  readonly rows: ReadonlyMap<string, LiveRow>;
}

const NOTHING: LiveState = {
  link: 'connecting',
  reason: '',
  at: undefined,
  cameAt: 0,
  services: null,
  unread: [],
  rows: new Map(),
};
const AGAIN_MS = [500, 1_000, 2_000, 5_000] as const;
/** The service says something every 15 s: a stream that is silent for longer is dead. */
const SILENT_MS = 35_000;

/** The one stream of the page: goes on by itself after each loss, and tells who listens of each change. */
export class Live {
  state: LiveState = NOTHING;
  readonly #listeners = new Set<() => void>();
  readonly #abort = new AbortController();

  /** @returns what ends it */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async run(): Promise<void> {
    for (let failures = 0; !this.#abort.signal.aborted; failures += 1) {
      try {
        await this.#readOnce(() => {
          failures = 0;
        });
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) return;
        this.#change({ link: 'lost', reason: (error as Error).message });
      }
      if (this.#abort.signal.aborted) return;
      if (this.state.link !== 'lost') this.#change({ link: 'lost', reason: 'the connection was closed' });
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS[Math.min(failures, AGAIN_MS.length - 1)]));
    }
  }

  stop(): void {
    this.#abort.abort();
  }

  async #readOnce(onTold: () => void): Promise<void> {
    const silent = new AbortController();
    const signal = AbortSignal.any([silent.signal, this.#abort.signal]);
    const response = await open('/v1/live', signal);
    const reader = (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader();
    let timer = 0;
    let text = '';
    try {
      for (;;) {
        clearTimeout(timer);
        timer = window.setTimeout(() => silent.abort(), SILENT_MS);
        const { done, value } = await reader.read();
        if (done) return;
        const events = (text + value).split('\n\n');
        text = events.pop() ?? '';
        for (const event of events) this.#take(event);
        onTold();
      }
    } finally {
      clearTimeout(timer);
      silent.abort();
    }
  }

  #take(event: string): void {
    const data = /^data: (.*)$/m.exec(event)?.[1];
    if (data === undefined) return;
    if (event.startsWith('event: away')) {
      const { reason }: LiveAway = JSON.parse(data);
      this.#change({ link: 'away', reason });
      return;
    }
    const { at, services, unread, full, rows, gone }: LiveOverview = JSON.parse(data);
    const all = full ? new Map<string, LiveRow>() : new Map(this.state.rows);
    for (const row of rows) all.set(`${row.client} ${row.type}`, row);
    for (const name of gone) all.delete(name);
    this.#change({ link: 'live', reason: '', at, cameAt: performance.now(), services, unread, rows: all });
  }

  #change(change: Partial<LiveState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.#listeners) listener();
  }
}
