import { toAnswer } from './answer.ts';
import type { Capacity } from './capacity.ts';
import type { PromptScript } from './scripted-answers.ts';

/**
 * Answers as `script` does, when the capacity has served the request: what the script waits for comes on top. A
 * request that is refused does not reach the script.
 *
 * @param clock milliseconds that never go back
 */
export function limitedAnswers(capacity: Capacity, clock: () => number, script: PromptScript): PromptScript {
  return (request, seen) => {
    const nowMs = clock();
    const admission = capacity.admit(nowMs);
    if (admission.kind === 'refuse') {
      const headers = { 'Retry-After': String(admission.retryAfterSeconds) };
      return { status: admission.status, headers };
    }
    const answer = toAnswer(script(request, seen));
    const delayMs = admission.finishMs - nowMs + (answer.delayMs ?? 0);
    return { ...answer, delayMs };
  };
}
