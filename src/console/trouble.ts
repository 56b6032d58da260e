import type { LiveRow } from '../api/live-row.ts';
import { count, failureText, plural, visible } from './format.ts';

/** How the endpoint is, in one word: the worst that is true of it. */
export function stateOf({ state, paused, withheld, incident }: LiveRow): string {
  if (state === 'down') return 'down';
  if (withheld !== null) return 'waits';
  if (state !== 'open') return state;
  if (paused !== null) return 'paused';
  return incident ? 'incident' : 'ok';
}

/** In a sentence, where it is another word. */
const IN_WORDS: Readonly<Record<string, string>> = { waits: 'held back', incident: 'with an incident' };

/** The worst first. */
const RANKS: Readonly<Record<string, number>> = {
  down: 6,
  waits: 5,
  slowed: 4,
  incident: 3.5,
  recovering: 3,
  paused: 2,
  ok: 0,
};

/** The worst first; of two in one state, the one with many more waiting and dead events. */
export function byTrouble(a: LiveRow, b: LiveRow): number {
  const rankOf = (row: LiveRow) => (RANKS[stateOf(row)] ?? 0) + (row.incident ? 0.4 : 0);
  // By its order of magnitude: rows that change places all the time cannot be read.
  const weightOf = ({ waiting, retrying, dead }: LiveRow) =>
    Math.floor(Math.log10(1 + waiting + retrying + dead));
  return (
    rankOf(b) - rankOf(a) ||
    weightOf(b) - weightOf(a) ||
    a.client.localeCompare(b.client) ||
    a.type.localeCompare(b.type)
  );
}

/** One sentence: what is wrong, and how many events wait. */
export function headlineOf(rows: readonly LiveRow[], services: number | null): string {
  const troubles = Object.keys(RANKS).flatMap((state) => {
    const found = rows.filter((row) => stateOf(row) === state).length;
    return found === 0 || state === 'ok' ? [] : [{ found, state: IN_WORDS[state] ?? state }];
  });
  const waiting = rows.reduce((sum, row) => sum + row.waiting + row.retrying, 0);
  const dead = rows.reduce((sum, row) => sum + row.dead, 0);
  const well = rows.length === 1 ? 'The endpoint is well' : `All ${count(rows.length)} endpoints are well`;
  const parts = [
    ...(services === 0 ? ['No service delivers'] : []),
    troubles.length === 0 ? well : troubles.map(troubleText).join(', '),
    waiting === 0 ? 'nothing waits' : `${plural(waiting, 'event')} ${waiting === 1 ? 'waits' : 'wait'}`,
    ...(dead === 0 ? [] : [`${plural(dead, 'dead letter')}`]),
  ];
  return parts.join('; ');
}

function troubleText({ found, state }: { found: number; state: string }, index: number): string {
  return index === 0 ? `${plural(found, 'endpoint')} ${state}` : `${count(found)} ${state}`;
}

/** What an operator would want to know of it first. */
export function reasonOf(row: LiveRow) {
  if (row.withheld !== null) return visible(`waits for ${row.withheld.for}: ${row.withheld.detail}`);
  const { lastError } = row;
  if (lastError === null) return '';
  const what = failureText(lastError.status, lastError.class);
  return lastError.detail === '' ? what : visible(`${what}: ${lastError.detail}`);
}

const ADVICE = {
  down: {
    brief: 'Tell the client; it is tried by itself.',
    whole:
      'Send the report to the client. The endpoint is tried by itself every so often, and what waits goes out once it answers; "Try now" is for when they say that it is back.',
  },
  slowed: {
    brief: 'Nothing to do while it drains in time.',
    whole:
      'It takes less than comes, and the rate follows what it takes. Nothing is lost; ask the client for more only if the oldest event waits too long.',
  },
  recovering: {
    brief: 'Nothing to do: the rate rises.',
    whole: 'It answers again, and the rate rises step by step. Nothing needs to be done.',
  },
  paused: {
    brief: 'Resume it once the reason is gone.',
    whole:
      'Somebody paused the client: "waybill audit" says who and when. Resume it once the reason is gone.',
  },
  credentials: {
    brief: 'Have its credentials mended.',
    whole:
      'Its token service refuses the credentials: mend them in the configuration, then reload. No event is lost or counted as tried.',
  },
  service: {
    brief: 'Tell the client: their token service fails.',
    whole:
      "There is no token to be had from the client's token service: tell the client. No event is lost or counted as tried.",
  },
  proxy: {
    brief: 'Have our proxy mended.',
    whole:
      'Our own proxy is away: that is for us to mend, and not for the client. No event is lost or counted as tried.',
  },
  local: {
    brief: 'This machine is short of something.',
    whole:
      'This machine is short of something, which the reason names: that is for us to mend, and not for the client.',
  },
  incident: {
    brief: 'See its incident.',
    whole: 'See its incident below: what fails, since when, and the report for the client.',
  },
  dead: {
    brief: 'Have the cause mended, then replay.',
    whole:
      'Look at what its dead letters died of, have the cause mended, and replay them: some canaries first.',
  },
} as const;

/** What to do about an endpoint; undefined: nothing. */
export function adviceOf(row: LiveRow): { readonly brief: string; readonly whole: string } | undefined {
  const state = row.paused === null ? stateOf(row) : 'paused';
  if (state === 'waits') return ADVICE[row.withheld?.blame ?? 'local'];
  if (state === 'down' || state === 'slowed' || state === 'recovering' || state === 'paused')
    return ADVICE[state];
  if (row.dead > 0) return ADVICE.dead;
  return state === 'incident' ? ADVICE.incident : undefined;
}
