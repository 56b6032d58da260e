import type { ServerResponse } from 'node:http';
import type { Answer, AnswerLike, PlainAnswer } from './answer.ts';
import { AS_CONTRACTED, isBad, toAnswer, visibleStatus } from './answer.ts';
import type { Connection } from './listener.ts';
import type { ReceivedRequest } from './received-request.ts';
import type { RequestLog } from './request-log.ts';
import type { FullAnswer } from './send-answer.ts';
import { misbehave, sendPlain } from './send-answer.ts';

/** One request on its way to an answer. */
export interface Exchange {
  readonly request: ReceivedRequest;
  readonly response: ServerResponse;
  readonly connection: Connection;
  readonly log: RequestLog;
  /** The contract's answer to the request, asked for when it is due: a token must not age while it waits. */
  readonly contracted: () => FullAnswer;
}

/** Gives the answer, at once where nothing asks for a delay, and notes what became of the request. */
export function answer(exchange: Exchange, decided: Answer): void {
  if (isBad(decided) || decided.delayMs !== undefined) {
    finishWhenClosed(exchange);
    afterDelay(exchange, decided.delayMs ?? 0, () => send(exchange, decided));
  } else {
    send(exchange, decided);
  }
}

/** As {@link answer}, with a decision that may still be under way; `onFailure` hears of one that was not made. */
export function answerWith(
  exchange: Exchange,
  decide: () => AnswerLike | Promise<AnswerLike>,
  onFailure: (error: Error) => void,
): void {
  const failed = (cause: unknown): void => {
    const { request } = exchange;
    const message = `the script of company "${request.company}" failed on ${request.method} ${request.path}`;
    answer(exchange, { status: 500, body: JSON.stringify({ message: `${message}: ${String(cause)}` }) });
    onFailure(new Error(message, { cause }));
  };
  try {
    const decided = decide();
    if (decided instanceof Promise) {
      finishWhenClosed(exchange);
      decided.then((like) => answer(exchange, toAnswer(like))).catch(failed);
    } else {
      answer(exchange, toAnswer(decided));
    }
  } catch (cause) {
    failed(cause);
  }
}

function finishWhenClosed({ response, log, request }: Exchange): void {
  if (response.destroyed) log.finished(request);
  else response.once('close', () => log.finished(request));
}

function afterDelay({ response }: Exchange, delayMs: number, act: () => void): void {
  if (delayMs <= 0) {
    act();
    return;
  }
  const timer = setTimeout(act, delayMs);
  response.once('close', () => clearTimeout(timer));
}

function send(exchange: Exchange, decided: Answer): void {
  const { request, response, log } = exchange;
  // The sender may have left while the answer was waited for.
  if (response.destroyed) return;
  if (isBad(decided)) {
    log.answered(request, { status: visibleStatus(decided), behaviour: decided.behaviour });
    misbehave(response, exchange.connection, decided);
    return;
  }
  const full = complete(decided, exchange.contracted);
  sendPlain(response, full);
  log.answered(request, { status: full.status });
  log.finished(request);
}

function complete(decided: PlainAnswer, contracted: () => FullAnswer): FullAnswer {
  const { status } = decided;
  if (status !== undefined) return { ...decided, status };
  const base = contracted();
  if (decided === AS_CONTRACTED) return base;
  return { ...base, ...decided, status: base.status, headers: { ...base.headers, ...decided.headers } };
}
