import { actorText } from '../core/audit.ts';
import type { EventRecord } from '../core/event-record.ts';
import { formatTime } from '../core/quantity-text.ts';
import type { WaitsFor } from '../queue/find-events.ts';
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
