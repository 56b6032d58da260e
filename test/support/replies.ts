import { type Answer, type AnswerLike, AS_CONTRACTED, isBad, toAnswer } from '../../src/sandbox/answer.ts';
import { ask, type Reply, type Script, unitOf } from '../../src/sandbox/scripts.ts';

/** The same status for every request, with this body; a JSON object that fits the status without one. */
export function always(status: number, body?: string): Answer {
  return body === undefined ? { status } : { status, body };
}

/** The replies one after another, in order of arrival; then `afterwards`. */
export function sequence(replies: readonly Reply[], afterwards: Reply = AS_CONTRACTED): Script {
  let next = 0;
  return (request, history) => ask(replies[next++] ?? afterwards, request, history);
}

/** Fails the first `times` requests of each event, also counting requests before the script was set. */
export function failTimes(times: number, failure: Reply, afterwards: Reply = AS_CONTRACTED): Script {
  return (request, history) => ask(history.ofEvent <= times ? failure : afterwards, request, history);
}

/** A reply for each unit (`optiturn_lp` or `unit_identifier`); `otherwise` for the units that are not named. */
export function byUnit(replies: Readonly<Record<string, Reply>>, otherwise: Reply = AS_CONTRACTED): Script {
  return (request, history) => ask(replies[unitOf(request) ?? ''] ?? otherwise, request, history);
}

/** Always answers 401 to the first `Authorization` header that it sees; accepts any other one. */
export function unauthorizedUntilNewToken(afterwards: Reply = AS_CONTRACTED): Script {
  let refused: string | undefined;
  return (request, history) => {
    const authorization = request.headers.authorization ?? '';
    refused ??= authorization;
    return authorization === refused ? 401 : ask(afterwards, request, history);
  };
}

/** Adds milliseconds before a reply's answer. */
export function slow(delayMs: number, reply: Reply = AS_CONTRACTED): Script {
  const later = (like: AnswerLike): Answer => {
    const answer = toAnswer(like);
    const total = delayMs + (answer.delayMs ?? 0);
    return isBad(answer) ? { ...answer, delayMs: total } : { ...answer, delayMs: total };
  };
  return (request, history) => {
    const like = ask(reply, request, history);
    return like instanceof Promise ? like.then(later) : later(like);
  };
}

/** Reads requests and never answers. */
export const hang: Answer = { behaviour: 'hang' };

/** A script that keeps every request waiting until it is released. */
export interface Hold {
  readonly script: Script;
  /** Answers waiting and later requests as `afterwards` says. */
  release(): void;
}

/** Holds requests, so that a test decides when they are answered. */
export function hold(afterwards: Reply = AS_CONTRACTED): Hold {
  let release = (): void => {};
  let isReleased = false;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  return {
    script: (request, history) =>
      isReleased ? ask(afterwards, request, history) : released.then(() => ask(afterwards, request, history)),
    release: () => {
      isReleased = true;
      release();
    },
  };
}
