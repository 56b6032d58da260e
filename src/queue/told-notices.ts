import { incidentId, type NoticeKind } from '../core/incident.ts';
import { defineScript } from './define-script.ts';
import { noticeField, type PendingNotice } from './incident-store.ts';
import { incidentsKey, toldKey } from './names.ts';
import { FORGET_NOTICE } from './scripts/incidents.ts';
import type { Connection } from './servers.ts';

const forgetScript = defineScript('forget-notice', FORGET_NOTICE);

/** Forgets a notice that was sent or given up, and writes down who was told. @param reason why it was given up */
export async function forgetNotice(
  redis: Connection,
  client: string,
  pending: PendingNotice,
  told: { readonly at: number; readonly reason?: string | undefined },
): Promise<void> {
  const { channel, notice } = pending;
  const { kind, incident } = notice;
  const written: ToldNotice = { incident: incidentId(incident), channel, kind, ...told };
  await forgetScript(
    redis,
    [incidentsKey(client), toldKey(client)],
    [noticeField(pending), JSON.stringify(written)],
  );
}

/** Who was told of an incident: a channel, and not by `reason`. */
export interface ToldNotice {
  /** The incident's id. */
  readonly incident: string;
  readonly channel: string;
  readonly kind: NoticeKind;
  /** ms since the epoch */
  readonly at: number;
  /** Why the channel did not take it; absent: it did. */
  readonly reason?: string | undefined;
}

/** Reads who was told of a client's incidents, the newest first. */
export async function readTold(redis: Connection, client: string): Promise<ToldNotice[]> {
  return (await redis.lrange(toldKey(client), 0, -1)).map((text) => JSON.parse(text));
}
