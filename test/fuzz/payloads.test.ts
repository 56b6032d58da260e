import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { type EventType, unitIn } from '../../src/core/event-type.ts';
import { EVENT_TYPES } from '../../src/core/event-types.ts';
import { seededRandom } from '../../src/core/random.ts';
import { validatePayload } from '../../src/core/validate-payload.ts';
import { createIdSource } from '../../src/intake/id-source.ts';
import { Intake } from '../../src/intake/intake.ts';
import type { SubmitResult } from '../../src/intake/submit-result.ts';
import { createProducer } from '../../src/service/producer.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { SEED, TIMEOUT_MS, TIMES } from './support/fuzz-runs.ts';
import { heapInUse } from './support/heap.ts';
import { type Mutant, mutate, seenByClient } from './support/mutate.ts';
import type { Random } from './support/odd-values.ts';
import { expectReadable } from './support/readable.ts';

const CHUNK = 2_500;
/** Of each type: so many in all, however many types there are. */
const CHUNKS = Math.ceil((80 * TIMES) / EVENT_TYPES.length);
/** Nothing grows from here on. */
const WARM = Math.floor(CHUNKS / 3);
const MIB = 1024 * 1024;

const ENDPOINTS = Object.fromEntries(EVENT_TYPES.map(({ name }) => [name, `/${name}`]));

function configText(settings: object = {}): string {
  const clients = { acme: { baseUrl: 'https://returns.acme.example', endpoints: ENDPOINTS } };
  return JSON.stringify({ ...settings, clients });
}

/** An intake whose events go nowhere but into a list. */
function recordingIntake() {
  const stored = new Map<string, { body: string; unit: string }>();
  const intake = new Intake({
    clients: parseConfig(configText(), '/srv/acme/waybill.yaml', {}).clients,
    async admit(_endpoint, batches) {
      for (const { events } of batches) for (const event of events) stored.set(event.id, event);
      return { kind: 'committed' };
    },
    newId: createIdSource(),
  });
  return { intake, stored };
}

/** What became of the inputs, counted; fails at the first that is neither accepted nor refused as it ought to be. */
class Judge {
  accepted = 0;
  refused = 0;
  readonly #type: EventType;

  constructor(type: EventType) {
    this.#type = type;
  }

  judge(
    { payload, isPlain }: Mutant,
    result: SubmitResult,
    stored: { body: string; unit: string } | undefined,
  ) {
    if (result.outcome === 'unknown') expect.fail('no outcome is unknown here');
    if (result.outcome === 'refused') {
      this.refused += 1;
      if (!['INVALID_EVENT', 'EVENT_TOO_LARGE'].includes(result.code)) expect.fail(`refused: ${result.code}`);
      expectReadable(result.problems);
      return;
    }
    this.accepted += 1;
    if (stored === undefined) return expect.fail('an accepted event is not there');
    const seen: unknown = JSON.parse(stored.body);
    const unit = String(unitIn(this.#type, seen));
    if (stored.unit !== unit || unit === '') expect.fail(`unit ${stored.unit} of ${stored.body}`);
    if (isPlain && !isDeepStrictEqual(seen, seenByClient(this.#type, payload))) {
      expect.fail(`another event goes out: ${stored.body} for ${JSON.stringify(payload)}`);
    }
    // What toJSON says, and a getter when it is asked again.
    if (stored.body.includes('"turned"')) expect.fail(`another value goes out: ${stored.body}`);
    // Whatever it was: what goes out is valid, and comes out of it the same once more.
    const again = validatePayload(this.#type, seen);
    if (!again.ok || JSON.stringify(again.payload) !== stored.body) {
      expect.fail(`comes out otherwise the second time: ${stored.body}`);
    }
  }
}

function mutants(type: EventType, from: number, random: Random, isStrange: boolean): Mutant[] {
  return Array.from({ length: CHUNK }, (_, n) => mutate(type, from + n, random, isStrange));
}

function expectNoPollution(): void {
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  expect(Object.getOwnPropertyNames(Array.prototype)).not.toContain('polluted');
}

test.each(EVENT_TYPES.map((type) => [type.name, type as unknown as EventType] as const))(
  '%s: each input is accepted and goes out unchanged, or is refused with a path and a sentence',
  { timeout: TIMEOUT_MS },
  async (name, type) => {
    const random = seededRandom(SEED);
    const { intake, stored } = recordingIntake();
    const judge = new Judge(type);
    let early = 0;
    for (let chunk = 0; chunk < CHUNKS; chunk++) {
      const inputs = mutants(type, chunk * CHUNK, random, chunk % 2 === 1);
      const results = await intake.submitMany(
        'acme',
        name,
        inputs.map(({ payload }) => payload),
      );
      expect(results).toHaveLength(CHUNK);
      for (const [n, input] of inputs.entries()) {
        const result = results[n] as SubmitResult;
        judge.judge(input, result, 'id' in result ? stored.get(result.id) : undefined);
      }
      stored.clear();
      if (chunk === WARM) early = heapInUse();
    }
    expectNoPollution();
    expect(judge.accepted + judge.refused).toBe(CHUNK * CHUNKS);
    expect(Math.min(judge.accepted, judge.refused)).toBeGreaterThan((CHUNK * CHUNKS) / 10);
    expect(heapInUse() - early).toBeLessThan(16 * MIB);
  },
);

test('through a producer into Redis: what is there is what was accepted', {
  timeout: TIMEOUT_MS,
}, async () => {
  const server = await startOwnRedis();
  const redis = server.connect();
  const text = configText({ redis: { url: server.socketPath } });
  const producer = await createProducer(parseConfig(text, '/srv/acme/waybill.yaml', {}));
  const random = seededRandom(SEED + 1);
  try {
    for (const type of EVENT_TYPES) {
      const judge = new Judge(type as unknown as EventType);
      const inputs = [
        ...mutants(type as never, 0, random, false),
        ...mutants(type as never, CHUNK, random, true),
      ];
      const payloads = inputs.map(({ payload }) => payload);
      const results = await producer.submitMany('acme', type.name, payloads as never[]);
      const keys = await redis.keys('{wb:acme}:deliveries:*-*-*');
      const jobs = await Promise.all(keys.map((key) => redis.hget(key, 'data')));
      const events = jobs.flatMap((data) => (JSON.parse(data ?? '') as { events: StoredText[] }).events);
      const stored = new Map(events.map((event) => [event.id, event]));
      for (const [n, input] of inputs.entries()) {
        const result = results[n] as SubmitResult;
        judge.judge(input, result, 'id' in result ? stored.get(result.id) : undefined);
      }
      expect(stored.size).toBe(judge.accepted);
      expect(judge.accepted).toBeGreaterThan(CHUNK / 2);
      await redis.flushall();
    }
    expectNoPollution();
  } finally {
    await producer.close();
  }
});

interface StoredText {
  readonly id: string;
  readonly body: string;
  readonly unit: string;
}
