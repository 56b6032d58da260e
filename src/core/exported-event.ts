import { z } from 'zod';
import type { StoredEvent } from './event.ts';

/** What a line of an export begins with, so that another form of it can follow. */
const VERSION = 1;

const exportedSchema = z.object({
  export: z.literal(VERSION, 'must be 1: this is no line of an export that this version can read'),
  client: z.string({ error: 'must be a text' }),
  type: z.string({ error: 'must be a text' }),
  id: z.uuid({ error: 'must be a UUID' }),
  replays: z.int({ error: 'must be a whole number' }).min(0).max(1_000_000).default(0),
  body: z.string({ error: 'must be a text: the payload as it was sent' }),
});

/** What is read of an exported event; the rest is for people and their tools. */
export type ExportedEvent = z.infer<typeof exportedSchema>;

/**
 * A dead letter as a line of an export. The body is the very text that was sent, as a text: tools that write the
 * line anew do not change it.
 */
export function toExportLine(client: string, event: StoredEvent): string {
  const { id, type, unit, body, life = 0, history = [], response = '', headers, url, expiredAt } = event;
  const attempts = history.map(([at, status, failureClass, ms]) => ({
    at: new Date(at).toISOString(),
    /** null: there was no status */
    status: status === 0 ? null : status,
    class: failureClass,
    ms,
  }));
  const expiry = expiredAt === undefined ? {} : { expiredAt: new Date(expiredAt).toISOString() };
  const facts = { export: VERSION, client, type, id, unit, replays: life, attempts };
  return `${JSON.stringify({ ...facts, ...expiry, url, response, headers, body })}\n`;
}

/** Reads a line of an export, parsed. */
export function readExported(value: unknown) {
  return exportedSchema.safeParse(value);
}
