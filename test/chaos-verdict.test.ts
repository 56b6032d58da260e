import { describe, expect, test } from 'vitest';
import { seededRandom } from '../src/core/random.ts';
import type { Disturbance, Evidence } from './chaos/evidence.ts';
import { fateOf } from './chaos/fates.ts';
import { drawPlan, faultKinds, fixedPlan } from './chaos/plan.ts';
import type { Sighting } from './chaos/protocol.ts';
import { accountOfSend } from './chaos/send-account.ts';
import { judge } from './chaos/verdict.ts';

const numbers = Array.from({ length: 1_000 }, (_, n) => n);
const unitWith = (fate: string): number => numbers.find((n) => fateOf(n) === fate) ?? -1;
const PLAIN = unitWith('plain');
const DOOMED = unitWith('doomed');

/** A request, one millisecond after the other; `at` in ms. */
function seen(unit: number, attempt: number, status: number, at: number, id = `id-${unit}`): Sighting {
  return [unit, id, attempt, at, status, at + 1];
}

const sixFailures = (from = 0): Sighting[] =>
  [1, 2, 3, 4, 5, 6].map((attempt) => seen(DOOMED, attempt, 500, from + attempt * 10));

const kill = (at: number, losesDeliverers = 1): Disturbance => ({
  kind: 'kill service',
  at,
  until: at,
  losesDeliverers,
});
/** When the attempts of a life ended, ten ms apart. */
const endsFrom = (at: number): number[] => [1, 2, 3, 4, 5, 6].map((attempt) => at + attempt * 10);
const letter = {
  unit: DOOMED,
  attempts: 6,
  failureClass: 'server_error',
  failedAt: endsFrom(0),
  life: 0,
};
const fault = (kind: string, at: number, until: number): Disturbance => ({
  kind,
  at,
  until,
  losesDeliverers: 0,
});

/** A run in which a plain and a doomed event went as they should, but for these changes. */
function evidence(changes: Partial<Evidence> = {}): Evidence {
  return {
    sightings: [seen(PLAIN, 1, 200, 5), ...sixFailures()],
    strange: [],
    answers: { accepted: [PLAIN, DOOMED], refused: [], unknown: [], counted: [] },
    deadLetters: [letter],
    disturbances: [],
    broken: 0,
    undrained: undefined,
    concurrency: 2,
    takeoverWithinMs: 45_000,
    longestSilenceMs: 45_000,
    stoppedAt: 100,
    ...changes,
  };
}

const answers = (changes: Partial<Evidence['answers']>): Partial<Evidence> => ({
  answers: { accepted: [PLAIN, DOOMED], refused: [], unknown: [], counted: [], ...changes },
});

describe('the judge', () => {
  test('finds no fault with a run in which all went well', () => {
    expect(judge(evidence())).toMatchObject({ accepted: 2, delivered: 1, dead: 1, lost: 0, violations: [] });
  });

  test.each<[string, Partial<Evidence>, number, RegExp]>([
    [
      'an accepted event that is nowhere',
      answers({ accepted: [PLAIN, DOOMED, 999] }),
      1,
      /unit 999 .* is missing/,
    ],
    [
      'one too few of those that a send counted',
      answers({ accepted: [], counted: [{ units: [PLAIN, DOOMED, 999], accepted: 3 }] }),
      1,
      /1 that some send counted as accepted are missing/,
    ],
    [
      'a refused event that came',
      answers({ accepted: [DOOMED], refused: [PLAIN] }),
      0,
      /refused and delivered/,
    ],
    ['a doomed event that has no dead letter', { deadLetters: [] }, 1, /is missing/],
    ['a history that is too short', { deadLetters: [{ ...letter, attempts: 5 }] }, 0, /has 5 attempts/],
    ['a life with an attempt that never came', { deadLetters: [{ ...letter, life: 1 }] }, 0, /died 2 times/],
    [
      'a plain event that is dead',
      { deadLetters: [letter, { ...letter, unit: PLAIN, failureClass: 'crash' }] },
      0,
      /\(plain\) is a dead letter of class crash/,
    ],
    [
      'a seventh attempt',
      { sightings: [seen(PLAIN, 1, 200, 5), ...sixFailures(), seen(DOOMED, 7, 500, 99)] },
      0,
      /attempt number 7/,
    ],
    [
      'an attempt that was left out',
      { sightings: [seen(PLAIN, 2, 200, 5), ...sixFailures()] },
      0,
      /attempt 2 before attempt 1/,
    ],
    [
      'an attempt that was made twice',
      { sightings: [seen(PLAIN, 1, 200, 5), ...sixFailures(), seen(DOOMED, 6, 500, 90)] },
      0,
      /sent too often/,
    ],
    [
      'one unit under two ids',
      { sightings: [seen(PLAIN, 1, 0, 5), seen(PLAIN, 1, 200, 6, 'other'), ...sixFailures()] },
      0,
      /2 event ids/,
    ],
    [
      'a second delivery without a fault',
      { sightings: [seen(PLAIN, 1, 200, 5), seen(PLAIN, 1, 200, 6), ...sixFailures()] },
      0,
      /delivered twice without a fault/,
    ],
    ['silence', { stoppedAt: 60_000 }, 0, /nothing was sent for/],
    ['a broken job', { broken: 1 }, 0, /1 jobs failed/],
    ['events without an end', { undrained: '3 wait' }, 0, /3 wait/],
    ['a request of no event', { strange: ['GET /'] }, 0, /GET \//],
  ])('finds %s', (_what, changes, lost, violation) => {
    const verdict = judge(evidence(changes));
    expect(verdict.lost).toBe(lost);
    expect(verdict.violations.join('\n')).toMatch(violation);
  });

  test('lets a kill repeat what it may, and no more', () => {
    const plain = numbers.filter((n) => fateOf(n) === 'plain');
    const twice = (count: number, workers = 1): Evidence => {
      const units = plain.slice(0, count);
      const first = units.map((unit) => seen(unit, 1, 200, 4_000));
      const again = units.map((unit) => seen(unit, 1, 200, 44_000));
      const accepted = { accepted: units, refused: [], unknown: [], counted: [] };
      const sightings = [...first, ...again];
      // Long before the kill, so that nothing of it counts as delivered just then.
      return evidence({
        sightings,
        answers: accepted,
        deadLetters: [],
        disturbances: [kill(4_600, workers)],
      });
    };
    const atMost = 2 + 50;
    expect(judge(twice(atMost))).toMatchObject({
      doubled: 52,
      longestTakeoverMs: 39_400,
      violations: [],
    });
    expect(judge(twice(atMost + 1)).violations).toEqual([
      '53 events were delivered twice after "kill service", where 52 may be',
    ]);
    expect(judge(twice(2 * atMost, 2)).violations).toEqual([]);
    // Workers that only lost their supervisor finish and write down what they had.
    const none = '1 events were delivered twice after "kill service", where 0 may be';
    expect(judge(twice(1, 0)).violations).toContain(none);
  });

  test('lets a kill while Redis is frozen repeat also what was delivered since that began', () => {
    const plain = numbers.filter((n) => fateOf(n) === 'plain').slice(0, 100);
    const sightings = [
      ...plain.map((unit, n) => seen(unit, 1, 200, 4_000 + n * 10)),
      ...plain.map((unit) => seen(unit, 1, 200, 50_000)),
    ];
    const accepted = { accepted: plain, refused: [], unknown: [], counted: [] };
    const frozen = (at: number): Disturbance => ({
      kind: 'freeze redis',
      at,
      until: 9_500,
      losesDeliverers: 0,
    });
    const verdictOf = (at: number) =>
      judge(
        evidence({
          sightings,
          answers: accepted,
          deadLetters: [],
          disturbances: [frozen(at), kill(9_000)],
        }),
      );
    // Half a second of it Redis was still away.
    expect(verdictOf(4_000)).toMatchObject({ doubled: 100, longestTakeoverMs: 40_500, violations: [] });
    expect(verdictOf(8_000).violations).toEqual([
      '100 events were delivered twice after "kill service", where 52 may be',
    ]);
  });

  test('holds a kill to the time until what it interrupted is sent again', () => {
    const cured = unitWith('cured');
    const late = { sightings: [seen(PLAIN, 1, 200, 900), seen(PLAIN, 1, 200, 46_001)], deadLetters: [] };
    const accepted = { accepted: [PLAIN], refused: [], unknown: [], counted: [] };
    const verdictOf = (changes: Partial<Evidence>) =>
      judge(evidence({ ...late, answers: accepted, disturbances: [kill(1_000)], ...changes }));
    expect(verdictOf({}).violations).toEqual(['what a kill interrupted was sent again only after 45001 ms']);
    // Whoever took it over was killed, too.
    expect(verdictOf({ disturbances: [kill(1_000), kill(2_000)] })).toMatchObject({
      longestTakeoverMs: 44_001,
      violations: [],
    });
    const replayed = [900, 60_000].map((at) => seen(cured, 1, 500, at));
    expect(verdictOf({ sightings: [...late.sightings, ...replayed] }).longestTakeoverMs).toBe(45_001);
  });

  test('lets a frozen process send again what another one is sending', () => {
    const [slow, accepted] = [unitWith('slow'), { accepted: [unitWith('slow')] }];
    const frozen: Disturbance = { ...kill(5_000), kind: 'freeze worker', until: 36_000 };
    const verdictOf = (sentAt: number, againAt: number) => {
      const sightings: Sighting[] = [
        [slow, 'id', 1, sentAt, 200, sentAt + 100],
        [slow, 'id', 1, againAt, 200, againAt + 100],
      ];
      return judge(evidence({ sightings, deadLetters: [], ...answers(accepted), disturbances: [frozen] }));
    };
    // Until it notices that its lock is lost.
    expect(verdictOf(35_000, 36_020)).toMatchObject({ doubled: 1, violations: [] });
    expect(verdictOf(35_000, 40_000)).toMatchObject({ doubled: 1, violations: [] });
    const none = '1 events were delivered twice without a fault';
    expect(verdictOf(35_000, 46_300).violations).toContain(none);
    // Before its lock ran out, nobody had taken anything over.
    expect(verdictOf(15_000, 40_000).violations).toContain(none);
  });

  test('lets a frozen process that goes on send again what is taken over from it then', () => {
    const [slow, accepted] = [unitWith('slow'), { accepted: [unitWith('slow')] }];
    const frozen: Disturbance = { ...kill(5_000), kind: 'freeze worker', until: 37_000 };
    const verdictOf = (sentAt: number, againAt: number) => {
      const sightings: Sighting[] = [
        [slow, 'id', 1, sentAt, 200, sentAt + 4_000],
        [slow, 'id', 1, againAt, 200, againAt + 4_000],
      ];
      return judge(evidence({ sightings, deadLetters: [], ...answers(accepted), disturbances: [frozen] }));
    };
    expect(verdictOf(37_070, 37_600)).toMatchObject({ doubled: 1, violations: [] });
    const none = '1 events were delivered twice without a fault';
    expect(verdictOf(37_300, 37_900).violations).toContain(none);
    expect(verdictOf(37_070, 47_300).violations).toContain(none);
  });

  test('holds each fault to its own bound: what a kill repeats is no matter of a freeze that lasts longer', () => {
    const plain = numbers.filter((n) => fateOf(n) === 'plain').slice(0, 60);
    const twice = [
      ...plain.map((unit) => seen(unit, 1, 200, 7_000)),
      ...plain.map((unit) => seen(unit, 1, 200, 41_000)),
    ];
    const accepted = { accepted: plain, refused: [], unknown: [], counted: [] };
    const frozen: Disturbance = { ...kill(5_000), kind: 'freeze worker', until: 37_000 };
    const verdictOf = (disturbances: readonly Disturbance[]) =>
      judge(evidence({ sightings: twice, deadLetters: [], answers: accepted, disturbances }));
    expect(verdictOf([frozen, kill(7_600)]).violations).toEqual([
      '60 events were delivered twice after "kill service", where 52 may be',
    ]);
    expect(verdictOf([frozen]).violations).toContain('60 events were delivered twice without a fault');
  });

  test('counts a replayed event as a new life', () => {
    const cured = unitWith('cured');
    const first = [1, 2, 3, 4, 5, 6].map((attempt) => seen(cured, attempt, 500, attempt));
    const sightings = [...first, seen(cured, 1, 200, 50)];
    const accepted = { accepted: [cured], refused: [], unknown: [], counted: [] };
    expect(judge(evidence({ sightings, answers: accepted, deadLetters: [] }))).toMatchObject({
      delivered: 1,
      doubled: 0,
      violations: [],
    });
  });
});

describe('the judge of a run whose endpoint refused connections', () => {
  const LATE = unitWith('late');
  const of = (unit: number, changes: Partial<Evidence>) =>
    judge(
      evidence({
        sightings: [],
        deadLetters: [],
        answers: { accepted: [unit], refused: [], unknown: [], counted: [] },
        ...changes,
      }),
    );
  const refuses = fault('endpoint refuses', 5_000, 8_000);
  const deadOf = (unit: number, from: number) => ({ ...letter, unit, failedAt: endsFrom(from), life: 0 });

  test('lets an event die of attempts that it could not see, and no other one', () => {
    const dead = (from: number, disturbances = [refuses]) =>
      of(PLAIN, { deadLetters: [deadOf(PLAIN, from)], disturbances });
    expect(dead(6_000)).toMatchObject({ lost: 0, dead: 1, violations: [] });
    // A 503 is one that it saw.
    const limits = [fault('endpoint answers 503', 5_000, 8_000)];
    expect(dead(6_000, limits).violations).toHaveLength(6);
    const sightings = [1, 2, 3, 4, 5, 6].map((attempt) => seen(PLAIN, attempt, 503, 6_000 + attempt * 10));
    const answered = { sightings, deadLetters: [deadOf(PLAIN, 6_000)], disturbances: limits };
    expect(of(PLAIN, answered).violations).toEqual([]);
    expect(dead(6_000, [fault('endpoint hangs', 5_000, 8_000)]).violations).toHaveLength(1);
    expect(dead(9_100).violations.join()).toMatch(/\(plain\) is a dead letter/);
    // The process was frozen, and learned of it later.
    expect(dead(9_100, [refuses, fault('freeze worker', 7_000, 9_000)]).violations).toEqual([]);
  });

  test('counts what the fate of an event fails by itself', () => {
    const failedAt = [100, 200, 300, 6_000, 6_100, 6_200];
    const own = 1 + (LATE % 3);
    const dead = { ...letter, unit: LATE, failedAt: failedAt.slice(3 - own) };
    const whole = { ...dead, failedAt: [...dead.failedAt, ...Array(3 - own).fill(6_300)] };
    const sightings = [1, 2, 3].slice(0, own).map((attempt) => seen(LATE, attempt, 500, attempt * 100));
    expect(of(LATE, { sightings, deadLetters: [whole], disturbances: [refuses] }).violations).toEqual([]);
  });

  test('finds no gap in attempts, nor one too many, where it was refusing', () => {
    const sightings = [seen(PLAIN, 1, 0, 4_990), seen(PLAIN, 4, 200, 9_000)];
    expect(of(PLAIN, { sightings, disturbances: [refuses] }).violations).toEqual([]);
    expect(of(PLAIN, { sightings }).violations.join()).toMatch(/attempt 4 before attempt 3/);
    const replayed = [seen(PLAIN, 1, 0, 4_980), seen(PLAIN, 2, 0, 4_990), seen(PLAIN, 2, 200, 20_000)];
    expect(of(PLAIN, { sightings: replayed, disturbances: [refuses] }).violations).toEqual([]);
    expect(of(PLAIN, { sightings: replayed }).violations.join()).toMatch(/sent too often/);
  });

  test('does not miss the attempts at a dead letter that were refused', () => {
    const sightings = sixFailures(4_000).slice(0, 2);
    const failedAt = [4_010, 4_020, 6_030, 6_040, 6_050, 6_060];
    const dead = { sightings, deadLetters: [{ ...letter, failedAt }] };
    expect(of(DOOMED, { ...dead, disturbances: [refuses] }).violations).toEqual([]);
    expect(of(DOOMED, dead).violations).toHaveLength(4);
  });

  test('still finds an event that is nowhere', () => {
    expect(of(PLAIN, { disturbances: [refuses] }).lost).toBe(1);
  });
});

describe('the account of a send', () => {
  const lines = [11, 12, undefined, 13, 14, undefined, 15];
  const quiet = { lines, stderr: '', killed: false, disturbed: false };
  const refused = '{"refused":[{"line":3,"problems":[]},{"line":6,"problems":[]}';

  test('one that ended accepted what it did not refuse', () => {
    const account = accountOfSend({ ...quiet, stdout: `${refused}],"accepted":5,"unknown":0}\n` });
    expect(account).toEqual({ accepted: [11, 12, 13, 14, 15], refused: [], unknown: [], counted: [] });
  });

  test('one that lost answers says how many, and after which line it sent nothing', () => {
    const stderr = 'waybill: Redis did not confirm the write; nothing after line 6 was sent';
    const account = accountOfSend({ ...quiet, stderr, stdout: `${refused}],"accepted":3,"unknown":1}\n` });
    expect(account).toMatchObject({ refused: [15], counted: [{ units: [11, 12, 13, 14], accepted: 3 }] });
  });

  test('one that ended before the first line sent nothing', () => {
    const stderr = 'waybill: Redis refused the write; nothing was sent';
    const stdout = '{"refused":[],"accepted":0,"unknown":0}\n';
    expect(accountOfSend({ ...quiet, stderr, stdout })).toMatchObject({
      accepted: [],
      refused: [11, 12, 13, 14, 15],
      unknown: [],
    });
  });

  test('a killed one accepted what stands before the last line that it told of', () => {
    const cut = `${refused},{"line":1`;
    const account = accountOfSend({ ...quiet, killed: true, stdout: cut });
    expect(account).toEqual({ accepted: [11, 12, 13, 14], refused: [], unknown: [15], counted: [] });
    const lost = accountOfSend({ ...quiet, killed: true, disturbed: true, stdout: cut });
    expect(lost).toMatchObject({ accepted: [], unknown: [11, 12, 13, 14, 15] });
  });

  test('one whose numbers do not add up is at fault', () => {
    const account = accountOfSend({ ...quiet, stdout: `${refused}],"accepted":4,"unknown":0}\n` });
    expect(account).toMatchObject({ unknown: [11, 12, 13, 14, 15], fault: expect.stringContaining('of 5') });
  });
});

/** The fixed plan is short where another server takes over. */
const OF_FAILOVERS: ReadonlySet<string> = new Set([
  'kill send',
  'kill connections',
  'kill replay',
  'freeze redis',
  'kill redis',
  'move slot',
]);

describe('the plan', () => {
  const kinds = ['one', 'sentinel', 'cluster'] as const;

  test.each(kinds)(
    'for %s, the same seed draws the same faults, all kinds of them in a long run',
    (redis) => {
      const plan = drawPlan(1_800, seededRandom(7), redis);
      expect(drawPlan(1_800, seededRandom(7), redis)).toEqual(plan);
      expect(new Set(plan.map(({ kind }) => kind))).toEqual(new Set(faultKinds(redis)));
      expect(plan.every(({ at, forMs }) => at + forMs <= 1_800_000)).toBe(true);
    },
  );

  test.each(kinds)('the fixed one for %s has each kind once that matters, while producers work', (redis) => {
    const { plan, seconds } = fixedPlan(redis);
    const all = faultKinds(redis).filter((kind) => redis === 'one' || OF_FAILOVERS.has(kind));
    expect(plan.map(({ kind }) => kind).sort()).toEqual(all.sort());
    expect(plan.every(({ at }) => at < seconds * 1_000)).toBe(true);
  });

  test('a failover takes its time: nothing else keeps results from being written down meanwhile', () => {
    const [freeze, kill] = ['freeze redis', 'kill redis'].map((kind) =>
      fixedPlan('cluster').plan.find((fault) => fault.kind === kind),
    );
    expect(Math.min(freeze?.forMs ?? 0, kill?.forMs ?? 0)).toBeGreaterThanOrEqual(8_000);
    expect(kill?.at).toBeGreaterThan((freeze?.at ?? 0) + 16_000);
  });
});
