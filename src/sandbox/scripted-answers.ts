import { type Answer, type AnswerLike, AS_CONTRACTED, isBad, toAnswer } from './answer.ts';
import type { ReceivedRequest, Seen } from './received-request.ts';
import type { ScriptedAnswer } from './sandbox-script.ts';
import { unitOf } from './scripts.ts';

/** A script that knows its answer at once. */
export type PromptScript = (request: ReceivedRequest, seen: Seen) => AnswerLike;

type Condition = (request: ReceivedRequest, seen: Seen) => boolean;

interface Step {
  readonly conditions: readonly Condition[];
  /** How often it may still be given. */
  left: number;
  readonly answer: Answer;
}

const UNAUTHORIZED = 401;

/**
 * Reads a script's answers from the top for each request: the first whose conditions all hold is given. Where
 * none does, and for what an answer leaves out, `otherwise` answers.
 *
 * @param random numbers in [0, 1), for `chance`
 */
export function scriptedAnswers(
  answers: readonly ScriptedAnswer[],
  random: () => number,
  otherwise: PromptScript = () => AS_CONTRACTED,
): PromptScript {
  const steps = answers.map(
    (scripted): Step => ({
      conditions: conditionsOf(scripted, random),
      left: scripted.times ?? Number.POSITIVE_INFINITY,
      answer: answerOf(scripted),
    }),
  );
  return (request, seen) => {
    const step = steps.find(
      ({ left, conditions }) => left > 0 && conditions.every((holds) => holds(request, seen)),
    );
    if (step === undefined) return otherwise(request, seen);
    step.left -= 1;
    const { answer } = step;
    if (isBad(answer) || answer.status !== undefined) return answer;
    return { ...toAnswer(otherwise(request, seen)), ...answer };
  };
}

/** Chance comes last: it is drawn only where all else holds, so that it means the share of such requests. */
function conditionsOf(scripted: ScriptedAnswer, random: () => number): Condition[] {
  const { unit, untilNewToken, perEvent, chance } = scripted;
  const conditions: Condition[] = [];
  if (unit !== undefined) conditions.push((request) => unitOf(request) === unit);
  if (untilNewToken) conditions.push(carriesFirstAuthorization());
  if (perEvent !== undefined) conditions.push((_request, { ofEvent }) => ofEvent <= perEvent);
  if (chance !== undefined) conditions.push(() => random() < chance);
  return conditions;
}

function carriesFirstAuthorization(): Condition {
  let first: string | undefined;
  return ({ headers: { authorization = '' } }) => {
    first ??= authorization;
    return authorization === first;
  };
}

function answerOf(scripted: ScriptedAnswer): Answer {
  const { fault, delayMs, retryAfter, body, untilNewToken } = scripted;
  const status = scripted.status ?? (untilNewToken && fault === undefined ? UNAUTHORIZED : undefined);
  const common = {
    ...(status === undefined ? {} : { status }),
    ...(delayMs === undefined ? {} : { delayMs }),
  };
  if (fault !== undefined) return { ...common, behaviour: fault };
  const headers = {
    ...scripted.headers,
    ...(retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }),
  };
  return {
    ...common,
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  };
}
