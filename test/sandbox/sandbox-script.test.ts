import { expect, test } from 'vitest';
import { parseScript } from '../../src/cli/sandbox/read-script.ts';
import { seededRandom } from '../../src/core/random.ts';
import { toAnswer } from '../../src/sandbox/answer.ts';
import { EXAMPLE_SCRIPT } from '../../src/sandbox/example-script.ts';
import type { ReceivedRequest, RequestHistory } from '../../src/sandbox/request-log.ts';
import { scriptedAnswers } from '../../src/sandbox/sandbox-script.ts';

/** What a script's answers to disposition updates are, told as statuses or faults. */
function play(answers: string) {
  const script = parseScript(`endpoints: { disposition_update: { answers: ${answers} } }`, 'script.yaml');
  const reply = scriptedAnswers(script.endpoints.disposition_update?.answers ?? [], seededRandom(1), () => ({
    status: 200,
    body: 'as contracted',
  }));
  const full = (request: Partial<ReceivedRequest> = {}, seen: Partial<RequestHistory> = {}) =>
    toAnswer(
      reply({ headers: {}, body: '{}', ...request } as ReceivedRequest, {
        total: 1,
        ofEvent: 1,
        accepted: false,
        ...seen,
      }),
    );
  return {
    full,
    next: (request?: Partial<ReceivedRequest>, seen?: Partial<RequestHistory>) => {
      const answer = full(request, seen);
      return 'behaviour' in answer ? answer.behaviour : answer.status;
    },
  };
}

test("answers are given from the top, each up to its times, then the contract's", () => {
  const { next } = play('[{ times: 2, status: 503 }, { times: 1, fault: reset }]');
  expect([next(), next(), next(), next()]).toEqual([503, 503, 'reset', 200]);
});

test('perEvent counts each event for itself', () => {
  const { next } = play('[{ perEvent: 1, status: 429 }, { perEvent: 2, status: 500 }]');
  expect([1, 2, 3].map((ofEvent) => next({}, { ofEvent }))).toEqual([429, 500, 200]);
});

test('chance gives an answer in its share, and times counts only given answers', () => {
  const share = play('[{ chance: 0.25, status: 500 }]');
  const failed = Array.from({ length: 1_000 }, () => share.next()).filter((status) => status === 500);
  expect(failed.length).toBeGreaterThan(200);
  expect(failed.length).toBeLessThan(300);
  const few = play('[{ chance: 0.25, times: 3, status: 500 }]');
  const given = Array.from({ length: 1_000 }, () => few.next()).filter((status) => status === 500);
  expect(given).toHaveLength(3);
});

test('untilNewToken answers 401 until another token arrives', () => {
  const { next } = play('[{ untilNewToken: true }]');
  const withToken = (authorization: string) => next({ headers: { authorization } });
  expect(['a', 'a', 'b', 'a'].map(withToken)).toEqual([401, 401, 200, 401]);
});

test('unit gives an answer to that unit only', () => {
  const { next } = play('[{ unit: LP7, status: 422 }]');
  const about = (unit: string) => next({ body: JSON.stringify({ optiturn_lp: unit }) });
  expect([about('LP7'), about('LP8')]).toEqual([422, 200]);
});

test("an answer without a status has the contract's; Retry-After and a JSON body are sent as text", () => {
  const { full } = play(
    '[{ times: 1, delayMs: 5 }, { status: 429, retryAfter: 7, headers: { X-Y: z }, body: { a: [1] } }]',
  );
  expect(full()).toEqual({ status: 200, body: 'as contracted', delayMs: 5 });
  expect(full()).toEqual({ status: 429, headers: { 'X-Y': 'z', 'Retry-After': '7' }, body: '{"a":[1]}' });
});

test('all problems of a script are reported at once, with their lines', () => {
  const text = [
    'seed: -1',
    'auth: { type: digest }',
    'token: { answers: [{ perEvent: 1 }] }',
    'endpoints:',
    '  dispositions: {}',
    '  inventory_receipt:',
    '    path: inventory',
    '    answers:',
    '      - { fault: reset, status: 500, body: x }',
    '      - { chance: 2, retryAfter: soon, statuss: 500 }',
  ].join('\n');
  expect(() => parseScript(text, 'script.yaml')).toThrow(
    expect.objectContaining({
      code: 'USAGE',
      problems: expect.arrayContaining([
        { line: 1, path: '$.seed', message: 'must be at least 0, found -1' },
        { line: 2, path: '$.auth.type', message: 'must be one of none, bearer, basic, api_key, oauth2' },
        { line: 3, path: '$.token.answers[0].perEvent', message: 'says nothing about a token request' },
        expect.objectContaining({ line: 5, path: '$.endpoints.dispositions' }),
        expect.objectContaining({ line: 7, path: '$.endpoints.inventory_receipt.path' }),
        expect.objectContaining({ line: 9, path: '$.endpoints.inventory_receipt.answers[0].body' }),
        expect.objectContaining({ line: 9, path: '$.endpoints.inventory_receipt.answers[0].status' }),
        expect.objectContaining({ line: 10, path: '$.endpoints.inventory_receipt.answers[1].chance' }),
        expect.objectContaining({ line: 10, path: '$.endpoints.inventory_receipt.answers[1].retryAfter' }),
        {
          line: 10,
          path: '$.endpoints.inventory_receipt.answers[1].statuss',
          message: 'is not a known setting: did you mean "status"?',
        },
      ]),
    }),
  );
});

test('the example script is valid, as YAML and as JSON', () => {
  const script = parseScript(EXAMPLE_SCRIPT, 'example.yaml');
  expect(script.endpoints.disposition_update?.answers).toHaveLength(4);
  expect(parseScript(JSON.stringify(script), 'example.json')).toEqual(script);
});
