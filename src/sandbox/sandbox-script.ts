import { z } from 'zod';
import { bearerToken, headerName, headerValue } from '../config/http-fields.ts';
import type { EventType } from '../core/event-type.ts';
import { EVENT_TYPE_NAMES, EVENT_TYPES, type EventTypeName } from '../core/event-types.ts';
import {
  type Answer,
  type AnswerLike,
  AS_CONTRACTED,
  BEHAVIOURS,
  FAULTS_WITH_STATUS,
  isBad,
  toAnswer,
} from './answer.ts';
import { tokenServiceSchema } from './company-token-service.ts';
import type { ReceivedRequest, RequestHistory } from './request-log.ts';
import { unitOf } from './scripts.ts';

const LONGEST_DELAY_MS = 3_600_000;
const NO_PATH = 'must be a path such as /dispositions, without a query';

/** RFC 9110, section 10.2.3: seconds or a date. */
const retryAfter = z.custom<number | string>(
  (value) =>
    (Number.isInteger(value) && Number(value) >= 0) ||
    (typeof value === 'string' && !Number.isNaN(Date.parse(value))),
  'must be whole seconds, or a date',
);

const body = z.custom<unknown>(
  (value) => typeof value === 'string' || (typeof value === 'object' && value !== null),
  'must be text, or a section that is sent as JSON',
);

const answerSchema = z
  .strictObject({
    unit: z.string().min(1, 'must not be empty').optional(),
    untilNewToken: z.literal(true, 'must be true, or be left out').optional(),
    perEvent: z.int().min(1).optional(),
    times: z.int().min(1).optional(),
    chance: z.number().min(0).max(1).optional(),
    status: z.int().min(200).max(599).optional(),
    fault: z.enum(BEHAVIOURS).optional(),
    delayMs: z.int().min(0).max(LONGEST_DELAY_MS).optional(),
    retryAfter: retryAfter.optional(),
    headers: z.record(headerName, headerValue).optional(),
    body: body.optional(),
  })
  .superRefine((answer, context) => {
    const { fault } = answer;
    if (fault === undefined) return;
    forbid(['retryAfter', 'headers', 'body'], answer, context, 'cannot stand beside fault');
    if (FAULTS_WITH_STATUS.has(fault)) return;
    forbid(['status'], answer, context, `cannot stand beside fault ${fault}, which ends before a status`);
  });

const tokenAnswerSchema = answerSchema.superRefine((answer, context) => {
  forbid(['unit', 'untilNewToken', 'perEvent'], answer, context, 'says nothing about a token request');
});

function forbid(keys: readonly string[], answer: object, context: z.RefinementCtx, message: string): void {
  const given = new Map<string, unknown>(Object.entries(answer));
  const wrong = keys.filter((key) => given.get(key) !== undefined);
  for (const key of wrong) context.addIssue({ code: 'custom', path: [key], message });
}

const authSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('none') }),
  z.strictObject({ type: z.literal('bearer'), token: bearerToken }),
  z.strictObject({ type: z.literal('basic'), username: z.string(), password: z.string() }),
  z.strictObject({ type: z.literal('api_key'), header: headerName, key: headerValue }),
  tokenServiceSchema,
]);

const endpointSchema = z.strictObject({
  path: z
    .string()
    .regex(/^\/[^\s?#]*$/, NO_PATH)
    .optional(),
  answers: z.array(answerSchema).default([]),
});

type Endpoints = Partial<Record<EventTypeName, z.infer<typeof endpointSchema>>>;

/** A path tells which type an event has. */
function refuseSharedPaths(endpoints: Endpoints, context: z.RefinementCtx): void {
  const paths = Object.entries(pathsOf({ endpoints }));
  for (const [type, { path } = {}] of Object.entries(endpoints)) {
    const other = paths.find(([name, taken]) => name !== type && taken === path);
    if (other === undefined) continue;
    context.addIssue({ code: 'custom', path: [type, 'path'], message: `is the path of ${other[0]}, too` });
  }
}

/** What a script of the sandbox may say; `waybill sandbox --example` explains it. */
export const sandboxScriptSchema = z.strictObject({
  seed: z.int().min(0).optional(),
  auth: authSchema.default({ type: 'none' }),
  token: z.strictObject({ answers: z.array(tokenAnswerSchema).default([]) }).prefault({}),
  endpoints: z
    .partialRecord(z.enum(EVENT_TYPE_NAMES), endpointSchema)
    .superRefine(refuseSharedPaths)
    .prefault({}),
});

/** A script of the sandbox, with all defaults filled in. */
export type SandboxScript = z.infer<typeof sandboxScriptSchema>;
/** One answer of a script, and when it is given. */
export type ScriptedAnswer = z.infer<typeof answerSchema>;

/** The path of each event type's endpoint, by type; types that the script leaves out have a default path. */
export function pathsOf({
  endpoints,
}: {
  readonly endpoints: Endpoints;
}): Readonly<Record<EventTypeName, string>> {
  const entries = EVENT_TYPES.map(({ name, path }) => [name, endpoints[name]?.path ?? path]);
  return Object.fromEntries(entries) as Record<EventTypeName, string>;
}

/** A script that never waits for its answer. */
export type PromptScript = (request: ReceivedRequest, history: RequestHistory) => AnswerLike;

type Condition = (request: ReceivedRequest, history: RequestHistory) => boolean;

interface Step {
  readonly conditions: readonly Condition[];
  /** How often it may still be given. */
  left: number;
  readonly answer: Answer;
}

/**
 * Reads a script's answers from the top for each request, and gives the first one whose conditions all hold. If
 * there is none, and for what an answer leaves out, `otherwise` answers.
 *
 * @param random numbers in [0, 1), for `chance`
 * @param types of the events that come
 */
export function scriptedAnswers(
  answers: readonly ScriptedAnswer[],
  random: () => number,
  otherwise: PromptScript = () => AS_CONTRACTED,
  types?: readonly EventType[],
): PromptScript {
  const steps = answers.map(
    (scripted): Step => ({
      conditions: conditionsOf(scripted, random, types),
      left: scripted.times ?? Number.POSITIVE_INFINITY,
      answer: answerOf(scripted),
    }),
  );
  return (request, history) => {
    const step = steps.find(
      ({ left, conditions }) => left > 0 && conditions.every((holds) => holds(request, history)),
    );
    if (step === undefined) return otherwise(request, history);
    step.left -= 1;
    const { answer } = step;
    if (isBad(answer) || answer.status !== undefined) return answer;
    return { ...toAnswer(otherwise(request, history)), ...answer };
  };
}

/** Chance comes last: it is a share of the requests that meet all other conditions. */
function conditionsOf(
  scripted: ScriptedAnswer,
  random: () => number,
  types?: readonly EventType[],
): Condition[] {
  const { unit, untilNewToken, perEvent, chance } = scripted;
  const conditions: Condition[] = [];
  if (unit !== undefined) conditions.push((request) => unitOf(request, types) === unit);
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
  const status = scripted.status ?? (untilNewToken && fault === undefined ? 401 : undefined);
  const common = { ...(status !== undefined && { status }), ...(delayMs !== undefined && { delayMs }) };
  if (fault !== undefined) return { ...common, behaviour: fault };
  const headers = {
    ...scripted.headers,
    ...(retryAfter !== undefined && { 'Retry-After': String(retryAfter) }),
  };
  return {
    ...common,
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  };
}
