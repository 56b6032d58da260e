import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import type { AuditNote } from '../../core/audit.ts';
import { lastFailure } from '../../core/dead-letter-filter.ts';
import { inNextLife } from '../../core/history.ts';
import { formatCount } from '../../core/quantity-text.ts';
import { actOnDeadLetters } from '../../dead-letters/act-on-dead-letters.ts';
import type { DeadLetter } from '../../dead-letters/find-dead-letters.ts';
import { holdRate } from '../../dead-letters/replay-rate.ts';
import {
  type CanaryAccount,
  canaryQuestions,
  type FailedCanary,
  type StuckCanaries,
  watchCanaries,
} from '../../dead-letters/watch-canaries.ts';
import { replayDeadLetters } from '../../queue/dead-letters.ts';
import type { ReplayedEvent } from '../../queue/first-attempt.ts';
import type { Operator } from '../open-operator.ts';
import { withProgress } from '../progress.ts';
import { EXIT, untilInterrupted } from '../run-command.ts';
import { confirm, failureText, oneLine, type Terminal } from '../terminal.ts';

const LOOK_EVERY_MS = 250;
/** How many failed canaries are shown to people; `--json` has all. */
const SHOWN = 10;
const SHOWN_CHARACTERS = 200;

/** How canaries are replayed, and how the audit names it at a client. */
interface CanaryOrder {
  readonly rate?: number;
  noteOf(client: string): AuditNote;
}

/**
 * Replays dead letters one by one, and waits for the first attempt of each. A signal ends it.
 *
 * @param order `rate`: events per second; absent: at once
 */
export function replayCanaries(
  terminal: Terminal,
  operator: Operator,
  letters: readonly DeadLetter[],
  order: CanaryOrder,
): Promise<CanaryAccount> {
  return untilInterrupted(async (signal) => {
    const canaries = await replayApart(operator, letters, order, signal);
    const many = `${canaries.length} ${canaries.length === 1 ? 'canary' : 'canaries'}`;
    terminal.note(`${many} replayed; waiting for the first attempt of each. Ctrl-C ends the wait.`);
    return withProgress(`tried, of ${many}:`, undefined, (onProgress) =>
      watchCanaries(canaries, {
        ...canaryQuestions(operator.redis, operator.config.clients),
        pause: () => sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => {}),
        onProgress,
        signal,
      }),
    );
  });
}

/** Replays each dead letter as a batch of its own. @returns the ones that were still there */
async function replayApart(
  { redis }: Operator,
  letters: readonly DeadLetter[],
  { rate, noteOf }: CanaryOrder,
  signal: AbortSignal,
): Promise<ReplayedEvent[]> {
  const replayed: ReplayedEvent[] = [];
  await actOnDeadLetters(
    async function* (client) {
      yield letters.filter((letter) => letter.client === client).map(({ event }) => event);
    },
    async (client, events) => {
      const [jobId, now] = [uuidv7(), Date.now()];
      const done = await replayDeadLetters(redis, client, jobId, events, now, noteOf(client));
      if (done > 0)
        replayed.push(...events.map((event) => ({ client, jobId, event: inNextLife(event, now) })));
      return done;
    },
    {
      clients: [...new Set(letters.map(({ client }) => client))],
      filter: {},
      batchSizeOf: () => 1,
      signal,
      ...(rate === undefined ? {} : { rate: holdRate(rate, () => performance.now()) }),
    },
  );
  return replayed;
}

/** Tells on stderr what became of the canaries, and what the endpoint answered to the failed ones. */
export function tellCanaries(terminal: Terminal, account: CanaryAccount): void {
  const { replayed, delivered, failed, stuck } = account;
  const states = [`${delivered} of ${replayed} delivered`];
  if (failed.length > 0) states.push(`${failed.length} failed`);
  const untried = countUntried(account);
  if (untried > 0) states.push(`${untried} not tried`);
  terminal.note(`Canaries: ${states.join(', ')}.`);
  for (const one of failed.slice(0, SHOWN)) terminal.note(describeFailed(one));
  if (failed.length > SHOWN) terminal.note(`  and ${failed.length - SHOWN} more; --json lists all.`);
  for (const one of stuck) terminal.note(describeStuck(one));
  if (failed.some(({ state }) => state === 'retrying')) {
    terminal.note('Canaries that failed are in delivery again, and go on with their retries.');
  }
  if (failed.some(({ state }) => state === 'dead')) {
    terminal.note('Canaries without a retry left are dead letters again.');
  }
}

function countUntried({ replayed, delivered, failed }: CanaryAccount): number {
  return replayed - delivered - failed.length;
}

function describeFailed({ client, state, event }: FailedCanary): string {
  const { status, failureClass } = lastFailure(event);
  const fate = state === 'dead' ? 'dead letter again' : 'is retried';
  const response = oneLine(event.response ?? '').slice(0, SHOWN_CHARACTERS);
  const answer = response === '' ? '' : `\n    ${response}`;
  return `  ${event.id} of ${client}, ${event.type}: ${failureText(status, failureClass)}, ${fate}${answer}`;
}

const REASONS = {
  down: 'the endpoint is down, and they wait until it comes back',
  paused: 'the client is paused, and they wait for "waybill resume"',
  no_service: 'no service is running',
} as const;

function describeStuck({ client, type, count, obstacle }: StuckCanaries): string {
  return `  ${formatCount(count)} of ${client}, ${type}: not tried; ${REASONS[obstacle]}`;
}

/**
 * Says with which exit code a replay ends before the rest, if so. Asks if a canary was not delivered.
 *
 * @param yes does not ask: the rest stays
 */
export async function whyStop(
  terminal: Terminal,
  { replayed, delivered, interrupted }: CanaryAccount,
  rest: number,
  yes: boolean,
): Promise<number | undefined> {
  if (interrupted) return EXIT.interrupted;
  if (replayed > 0 && delivered === replayed) return undefined;
  if (rest === 0) return EXIT.someFailed;
  const others = `the other ${formatCount(rest)} dead letter${rest === 1 ? '' : 's'}`;
  if (!yes && (await confirm(`replay ${others} all the same?`)) === true) return undefined;
  terminal.note(`Not every canary was delivered: ${others} ${rest === 1 ? 'was' : 'were'} not replayed.`);
  return EXIT.someFailed;
}

/** The account as machines read it. */
export function canaryValue(account: CanaryAccount) {
  const { replayed, delivered, failed, stuck } = account;
  return {
    replayed,
    delivered,
    failed: failed.map(({ client, state, event }) => {
      const { status, failureClass } = lastFailure(event);
      const { id, type, unit, response = '' } = event;
      const answer = { status: status === 0 ? null : status, class: failureClass, response };
      return { client, id, type, unit, state, ...answer };
    }),
    waiting: countUntried(account),
    obstacles: stuck,
  };
}
