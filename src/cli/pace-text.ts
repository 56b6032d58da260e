import type { EndpointPace } from '../core/endpoint-pace.ts';
import {
  formatCount,
  formatDuration,
  formatTime,
  shortAge,
  shortCount,
  shortRate,
} from '../core/quantity-text.ts';
import type { ClientView, EndpointView } from '../queue/client-view.ts';
import type { WithheldMark } from '../queue/withheld-mark.ts';
import { oneLine } from './terminal.ts';

/*
 * The pace of endpoints in words for operators. `endpoint` is `acme inventory_receipt`; `now` is in ms since the epoch.
 */

/** An endpoint's pace, a line for each thing to know. */
export function paceLines(endpoint: string, pace: EndpointPace, now: number): string[] {
  const { state, since, holdUntil, holds, nextTryAt } = pace;
  const isHeld = holdUntil > now;
  const told = [
    ...(isHeld ? [`the endpoint says Retry-After: ${holdText(pace, now)}`] : []),
    ...rateText(pace),
    ...(state === 'down' && nextTryAt !== undefined ? [`next try ${momentText(nextTryAt, now)}`] : []),
    ...waitText(pace, now),
    ...(holds || state === 'open' ? [] : ['events are sent all the same, because of "pace: fixed"']),
    ...(holds && (state === 'down' || isHeld)
      ? [`"waybill pace ${endpoint} --open" tries again at once`]
      : []),
  ];
  const from = since === 0 ? '' : ` since ${formatTime(since)} (${shortAge(now - since)})`;
  return [`${endpoint}: ${state}${from}`, ...told.map((line) => `  ${line}`)];
}

function holdText({ holdUntil, holds }: EndpointPace, now: number): string {
  const [, time = ''] = formatTime(holdUntil).split(' ');
  const moment = `${time} (in ${shortAge(holdUntil - now)})`;
  return holds ? `nothing is sent before ${moment}` : `until ${moment}`;
}

function rateText({ state, ratePerSecond, holds }: EndpointPace): string[] {
  if (ratePerSecond === undefined || !holds) return [];
  const grows = state === 'recovering' ? ', and rising' : '';
  return [`at most ${shortRate(ratePerSecond)}/s over all processes${grows}`];
}

function momentText(at: number, now: number): string {
  return at <= now ? 'now' : `in ${shortAge(at - now)} (${formatTime(at)})`;
}

function waitText(
  { holds, holdUntil, paced, pacedUntil, drainSeconds }: EndpointPace,
  now: number,
): string[] {
  const drain =
    drainSeconds === undefined ? '' : `${formatDuration(drainSeconds * 1_000)} at the present rate`;
  if (!holds) return drain === '' ? [] : [`the waiting events take ${drain}`];
  if (paced === 0) return ['no event waits for it'];
  const wait = eventsWait(paced);
  if (pacedUntil !== undefined && pacedUntil <= now) return [`${wait}, the oldest beyond the longest hold`];
  if (pacedUntil !== undefined) return [`${wait}, the oldest until ${formatTime(pacedUntil)} at most`];
  if (drain !== '') return [`${wait}, ${drain}`];
  return [holdUntil > now ? wait : `${wait}, and nothing is delivered`];
}

/** A pace that is not open in some 55 characters: `down 12 min, next try in 14 s; 12.4k wait, 3 h at most`. */
export function shortPace(pace: EndpointPace, now: number): string {
  const { state, since, holdUntil, holds, ratePerSecond, nextTryAt, paced, pacedUntil, drainSeconds } = pace;
  const isRate = holds && ratePerSecond !== undefined;
  const next = nextTryAt === undefined ? '' : nextTryAt <= now ? 'now' : `in ${shortAge(nextTryAt - now)}`;
  const parts = [
    `${state} ${shortAge(now - since)}`,
    ...(holdUntil > now
      ? [`Retry-After ${shortAge(holdUntil - now)}`]
      : next === ''
        ? []
        : [`next try ${next}`]),
    ...(isRate ? [`${shortRate(ratePerSecond)}/s`] : []),
    ...(holds ? [] : ['pace: fixed']),
  ].join(', ');
  if (paced === 0) return parts;
  const until = pacedUntil === undefined ? [] : [`${shortAge(pacedUntil - now)} at most`];
  const drain = drainSeconds === undefined ? [] : [`${shortAge(drainSeconds * 1_000)} at this rate`];
  return `${parts}; ${[`${shortCount(paced)} wait`, ...until, ...drain].join(', ')}`;
}

const AWAITED = { token: 'a token', proxy: 'the proxy', local: 'room on this machine' } as const;

/** Why an endpoint's events wait without an attempt, in two lines. */
export function withheldLines(endpoint: string, mark: WithheldMark): string[] {
  const { since, nextTryAt, detail } = mark;
  const awaited = AWAITED[mark.for];
  return [
    `${endpoint}: events wait for ${awaited} since ${formatTime(since)}; next try ${formatTime(nextTryAt)}`,
    `  ${oneLine(detail)}`,
  ];
}

/** The same in short: `waits for a token 12 min, next try in 8 s`. */
export function shortWithheld({ for: awaited, since, nextTryAt }: WithheldMark, now: number): string {
  const next = nextTryAt <= now ? 'now' : `in ${shortAge(nextTryAt - now)}`;
  return `waits for ${AWAITED[awaited]} ${shortAge(now - since)}, next try ${next}`;
}

/** What is wrong with the clients' endpoints: `1 endpoint down, 1 slowed; 12,400 events wait`; empty: nothing is. */
export function headline(views: Iterable<ClientView>): string {
  const endpoints = [...views].flatMap((view) => Object.values(view.endpoints));
  const counted = KINDS.flatMap(([what, isMeant]) => {
    const count = endpoints.filter(isMeant).length;
    return count === 0 ? [] : [{ what, count }];
  });
  const told = counted.map(({ what, count }, i) => {
    const noun = i > 0 ? '' : count === 1 ? ' endpoint' : ' endpoints';
    return `${formatCount(count)}${noun} ${what}`;
  });
  if (told.length === 0) return '';
  const wait = endpoints.reduce(
    (sum, { pace, withheld, waiting }) => sum + (withheld ? waiting : pace.paced),
    0,
  );
  return `${told.join(', ')}; ${eventsWait(wait)}`;
}

/** What may be wrong with an endpoint, the worst first. */
const KINDS: readonly (readonly [what: string, isMeant: (endpoint: EndpointView) => boolean])[] = [
  ['down', ({ pace }) => pace.state === 'down'],
  ['slowed', ({ pace }) => pace.state === 'slowed'],
  ['recovering', ({ pace }) => pace.state === 'recovering'],
  ['without a token', ({ withheld }) => withheld?.for === 'token'],
  ['without the proxy', ({ withheld }) => withheld?.for === 'proxy'],
  ['short of room on this machine', ({ withheld }) => withheld?.for === 'local'],
];

function eventsWait(count: number): string {
  return `${formatCount(count)} event${count === 1 ? ' waits' : 's wait'}`;
}
