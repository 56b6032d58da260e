import { expect } from 'vitest';
import type { Company } from '../../src/sandbox/company.ts';
import type { Reply } from '../../src/sandbox/scripts.ts';
import type { OutageScene } from './outage.ts';
import type { WaybillProcess } from './waybill-process.ts';

/** Fails one event in eight once, and one in sixteen for ever. */
export const FAILING: Reply = ({ eventId = '' }, seen) => {
  if (isDoomed(eventId)) return 500;
  return /[01]$/.test(eventId) && seen.ofEvent === 1 ? 500 : 200;
};

function isDoomed(eventId: string): boolean {
  return eventId.endsWith('f');
}

/**
 * Holds what became of all events against what was told of them: each that was accepted was delivered, once, or
 * is a dead letter; no attempt was left out, made twice or made beyond the sixth; none arrived that was refused;
 * and no settlement was given up for an error of Redis.
 */
export async function expectFullAccount(
  { company, status, taken }: OutageScene,
  { lines }: Pick<WaybillProcess, 'lines'>,
): Promise<void> {
  expect(lines.filter(({ msg }) => msg === 'batch could not be settled')).toEqual([]);
  const { accepted, unknown } = taken;
  const events = requestsByEvent(company);
  const expected = (id: string): number[] =>
    isDoomed(id) ? [500, 500, 500, 500, 500, 500] : /[01]$/.test(id) ? [500, 200] : [200];
  const wrong = [...accepted, ...unknown].filter((id) => {
    const requests = events.get(id) ?? [];
    if (requests.length === 0) return accepted.includes(id);
    const inOrder = requests.every(({ attempt }, index) => attempt === index + 1);
    return !inOrder || String(requests.map((request) => request.status)) !== String(expected(id));
  });
  expect(wrong.map((id) => [id, events.get(id)])).toEqual([]);
  const known = new Set([...accepted, ...unknown]);
  expect([...events.keys()].filter((id) => !known.has(id))).toEqual([]);

  const arrived = [...events.keys()];
  const dead = arrived.filter(isDoomed).length;
  expect(await status()).toMatchObject({ dead, delivered: arrived.length - dead, broken: 0 });
}

/** Each event's requests, in order of arrival. */
export function requestsByEvent(company: Company): Map<string, { attempt: number; status: number }[]> {
  const events = new Map<string, { attempt: number; status: number }[]>();
  for (const { eventId = '', headers, answered } of company.requests) {
    const requests = events.get(eventId) ?? [];
    requests.push({ attempt: Number(headers['x-waybill-attempt']), status: answered?.status ?? 0 });
    events.set(eventId, requests);
  }
  return events;
}
