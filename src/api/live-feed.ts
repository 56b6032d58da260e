import type { ServerResponse } from 'node:http';
import type { ApiKey } from '../config/http-config.ts';
import { endpointName } from '../observability/endpoint-history.ts';
import type { PresentConfig } from './api-parts.ts';
import { clientsOf, scopesFor } from './keys.ts';
import { type LiveAway, type LiveOverview, liveRow } from './live-row.ts';
import type { Reading, ViewSource, Views } from './view-source.ts';

const MOST_STREAMS = 100;
/** A stream with more that its reader did not read is ended. */
const MOST_UNREAD_BYTES = 4 * 1024 * 1024;
const COMMENT_EVERY_MS = 15_000;

/** A reader, who has the key. */
interface Stream {
  readonly response: ServerResponse;
  readonly key: ApiKey;
  /** The clients that it was told all of, as `scopeOf` names them; undefined: it is to be told all. */
  scope: string | undefined;
}

interface Row {
  readonly client: string;
  readonly json: string;
}

/** What a tick has for streams. */
interface News {
  readonly at: number;
  readonly services: number | undefined;
  readonly unread: readonly string[];
  readonly changed: readonly Row[];
  readonly gone: readonly { readonly client: string; readonly name: string }[];
}

/** Tells all open streams of each reading. A row becomes JSON once, however many streams there are. */
export class LiveFeed {
  readonly #source: ViewSource;
  readonly #current: () => PresentConfig;
  readonly #streams = new Set<Stream>();
  #rows: ReadonlyMap<string, Row> = new Map();
  #stop: (() => void) | undefined;

  constructor(source: ViewSource, current: () => PresentConfig) {
    this.#source = source;
    this.#current = current;
  }

  get hasNoRoom(): boolean {
    return this.#streams.size >= MOST_STREAMS;
  }

  /** Begins a stream on a response whose headers were sent. */
  add(response: ServerResponse, key: ApiKey): void {
    const stream: Stream = { response, key, scope: undefined };
    const { latest } = this.#source;
    // While nobody watches, rows are not made.
    if (this.#streams.size === 0 && latest?.views !== undefined) this.#rows = this.#rowsOf(latest.views);
    this.#streams.add(stream);
    response.once('close', () => this.#remove(stream));
    if (latest !== undefined) this.#tell([stream], latest, { ...NO_NEWS, ...timeOf(latest) });
    this.#stop ??= this.#start();
  }

  /** Ends all streams. */
  end(): void {
    for (const stream of [...this.#streams]) this.#end(stream);
  }

  #start(): () => void {
    const stopWatching = this.#source.watch((reading) => this.#onReading(reading));
    const timer = setInterval(() => {
      for (const stream of [...this.#streams]) this.#write(stream, Buffer.from(':\n\n'));
    }, COMMENT_EVERY_MS);
    return () => {
      stopWatching();
      clearInterval(timer);
    };
  }

  #onReading(reading: Reading): void {
    if (reading.views === undefined) {
      this.#tell([...this.#streams], reading, { ...NO_NEWS, ...timeOf(reading) });
      return;
    }
    const before = this.#rows;
    this.#rows = this.#rowsOf(reading.views);
    const changed = [...this.#rows].filter(([name, { json }]) => before.get(name)?.json !== json);
    const gone = [...before].filter(([name]) => !this.#rows.has(name));
    this.#tell([...this.#streams], reading, {
      ...timeOf(reading),
      changed: changed.map(([, row]) => row),
      gone: gone.map(([name, { client }]) => ({ client, name })),
    });
  }

  /** Streams of the same scope are written the same bytes. */
  #tell(streams: readonly Stream[], { reason }: Reading, news: News): void {
    const texts = new Map<string, Buffer>();
    for (const stream of streams) {
      const clients = this.#clientsOf(stream);
      if (clients === undefined) {
        this.#end(stream);
        continue;
      }
      const scope = scopeOf(clients);
      if (reason !== undefined) {
        if (stream.scope !== AWAY) this.#write(stream, awayText(news.at, reason));
        stream.scope = AWAY;
        continue;
      }
      const isFull = stream.scope !== scope;
      const name = `${isFull} ${scope}`;
      const text = texts.get(name) ?? this.#overviewText(news, clients, isFull);
      texts.set(name, text);
      stream.scope = scope;
      this.#write(stream, text);
    }
  }

  /** The clients that the stream's key is for; null: all; undefined: the key is not configured any longer. */
  #clientsOf({ key }: Stream): ReadonlySet<string> | null | undefined {
    const { keys, clients } = this.#current();
    const allowed: readonly string[] = scopesFor('read', 'GET');
    const present = keys.find(({ name, sha256 }) => name === key.name && sha256 === key.sha256);
    if (present === undefined || !present.scopes.some((scope) => allowed.includes(scope))) return undefined;
    return present.clients === undefined ? null : new Set(Object.keys(clientsOf(present, clients)));
  }

  #overviewText(
    { at, services, unread, changed, gone }: News,
    clients: ReadonlySet<string> | null,
    full: boolean,
  ): Buffer {
    const isMeant = ({ client }: { client: string }): boolean => clients?.has(client) ?? true;
    const rows = (full ? [...this.#rows.values()] : changed).filter(isMeant).map(({ json }) => json);
    const head: Omit<LiveOverview, 'rows'> = {
      at: new Date(at).toISOString(),
      services: services ?? null,
      full,
      unread: unread.filter((client) => isMeant({ client })),
      gone: full ? [] : gone.filter(isMeant).map(({ name }) => name),
    };
    return Buffer.from(
      `event: overview\ndata: ${JSON.stringify(head).slice(0, -1)},"rows":[${rows.join(',')}]}\n\n`,
    );
  }

  #rowsOf(views: Views): Map<string, Row> {
    const { history } = this.#source;
    const rows = new Map<string, Row>();
    for (const [client, view] of views) {
      for (const [type, endpoint] of Object.entries(view.endpoints)) {
        const json = JSON.stringify(liveRow(client, type, view, endpoint, history));
        rows.set(endpointName(client, type), { client, json });
      }
    }
    return rows;
  }

  #write(stream: Stream, bytes: Buffer): void {
    const { response } = stream;
    // A first overview of very many may be larger.
    if (response.writableLength === 0 || response.writableLength + bytes.length <= MOST_UNREAD_BYTES) {
      response.write(bytes);
      return;
    }
    response.destroy();
    this.#remove(stream);
  }

  #end(stream: Stream): void {
    stream.response.end();
    this.#remove(stream);
  }

  #remove(stream: Stream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
    this.#rows = new Map();
  }
}

/** The scope of a stream that was told that Redis is away: then it is told all again. */
const AWAY = 'away';
const NO_NEWS = { changed: [], gone: [] };

function timeOf({ at, services, unread = [] }: Reading) {
  return { at, services, unread };
}

function scopeOf(clients: ReadonlySet<string> | null): string {
  return clients === null ? 'all' : `of ${[...clients].join(' ')}`;
}

function awayText(at: number, reason: string): Buffer {
  const data: LiveAway = { at: new Date(at).toISOString(), reason };
  return Buffer.from(`event: away\ndata: ${JSON.stringify(data)}\n\n`);
}
