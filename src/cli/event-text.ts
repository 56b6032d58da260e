import { actorText } from '../core/audit.ts';
import type { EventFilter, EventRecord } from '../core/event-record.ts';
import { formatCount, formatTime } from '../core/quantity-text.ts';
import type { LatestEvents, WaitsFor } from '../queue/find-events.ts';
import { failureText, oneLine } from './terminal.ts';

const AWAITED: Readonly<Record<WaitsFor, string>> = {
  turn: 'its turn',
  retry: 'its next attempt',
  resume: '"waybill resume"',
  pace: 'the pace of its endpoint',
  endpoint: 'its endpoint, which is down',
  configuration: 'an endpoint in the configuration',
  token: 'a token',
  proxy: 'the proxy',
  local: 'room on this machine',
};

/** What became of an event, or what it waits for. */
export function upshot(
  { state, endedAt = 0, dueAt, status, by, lives }: EventRecord,
  waitsFor: WaitsFor = 'turn',
): string {
  const last = lives.at(-1)?.at(-1);
  const at = formatTime(endedAt);
  switch (state) {
    case 'waiting':
      return `waits for ${AWAITED[waitsFor]}`;
    case 'retrying':
      return `waits for ${AWAITED[waitsFor]}${dueAt === undefined ? '' : `, due ${formatTime(dueAt)}`}`;
    case 'dead':
      return `${at}, ${last === undefined ? 'expired' : failureText(last[1], last[2])}`;
    case 'delivered':
      return `${at}, answered ${status}`;
    case 'discarded':
      return `${at}, by ${by === undefined ? '?' : oneLine(actorText(by))}`;
  }
}

/** In UTC, as times are printed; options are in the terminal's zone. */
export function periodText({ since, until }: EventFilter): string {
  const from = since === undefined ? '' : ` from ${formatTime(since)} on`;
  return `${from}${until === undefined ? '' : `${from === '' ? '' : ' and'} before ${formatTime(until)}`}`;
}

/** How many were found, and of which clients. */
export function sumText({ found, byClient }: LatestEvents, shown: number): string {
  const parts = [...byClient].map(([client, count]) => `${client} ${formatCount(count)}`);
  const clients = parts.length > 1 ? `: ${parts.join(', ')}` : '';
  const rest = found > shown ? ` The latest ${formatCount(shown)} are shown; --limit shows more.` : '';
  return `${formatCount(found)} in all${clients}.${rest}`;
}

/** How long delivered events are remembered. */
export function rememberedText(hours: number): string {
  return hours === 0
    ? 'Delivered ones are not remembered here (keepDeliveredHours is 0).'
    : `Delivered ones are remembered for ${formatCount(hours)} hours (keepDeliveredHours).`;
}
