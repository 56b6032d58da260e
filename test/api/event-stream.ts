import { onTestFinished } from 'vitest';

/** An event of a stream; its data are parsed. */
export interface StreamedEvent {
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: what tests expect is what they look for.
  readonly data: any;
}

/** A stream of server-sent events that a test reads. */
export interface EventStream {
  readonly response: Response;
  /** The next event. @throws if the stream ends before */
  next(): Promise<StreamedEvent>;
  /** The next event of which this holds. */
  nextWith(isMeant: (event: StreamedEvent) => boolean): Promise<StreamedEvent>;
  /** Resolves when the server has ended it; events in between are passed over. */
  ended(): Promise<void>;
}

/** Opens a stream, as a page does. */
export async function openStream(url: string, key: string): Promise<EventStream> {
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const headers = { authorization: `Bearer ${key}` };
  const response = await fetch(url, { headers, signal: abort.signal });
  const events = eventsOf(response);
  const next = async (): Promise<StreamedEvent> => {
    const { value, done } = await events.next();
    if (done) throw new Error('the stream has ended');
    return value;
  };
  return {
    response,
    next,
    async nextWith(isMeant) {
      for (;;) {
        const event = await next();
        if (isMeant(event)) return event;
      }
    },
    async ended() {
      while (!(await events.next()).done);
    },
  };
}

async function* eventsOf({ body }: Response): AsyncGenerator<StreamedEvent, undefined> {
  if (body === null) return undefined;
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    const parts = text.split('\n\n');
    text = parts.pop() ?? '';
    for (const part of parts) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(part) ?? [];
      if (event !== undefined && data !== undefined) yield { event, data: JSON.parse(data) };
    }
  }
  return undefined;
}
