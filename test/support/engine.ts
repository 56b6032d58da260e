import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { v7 as uuidv7 } from 'uuid';
import { onTestFinished } from 'vitest';
import type { Config } from '../../src/config/config-schema.ts';
import { parseConfig } from '../../src/config/load-config.ts';
import type { StoredEvent } from '../../src/core/event.ts';
import type { EventTypeName } from '../../src/core/event-types.ts';
import { actOnDeadLetters, type DeadLetterAction } from '../../src/dead-letters/act-on-dead-letters.ts';
import { createLog } from '../../src/log.ts';
import type { ClientView } from '../../src/queue/client-view.ts';
import { discardDeadLetters, readDeadLetters, replayDeadLetters } from '../../src/queue/dead-letters.ts';
import type { ClientSettings } from '../../src/sandbox/company.ts';
import { startEngine, type Engine as WholeEngine } from '../../src/service/engine.ts';
import { openIntake } from '../../src/service/open-intake.ts';
import { readView } from './client-view.ts';
import { captureLogLines, type LogLine, type LogLines } from './log-lines.ts';
import { testRedis, testRedisPath, uniqueClientName } from './redis.ts';
import { testDirectory } from './waybill-process.ts';

type Engine = Pick<WholeEngine, 'meter' | 'stop'>;

/** Five retries in a tenth of a second, without jitter. */
export const QUICK_RETRIES = { retries: 5, baseDelayMs: 20, factor: 1, maxDelayMs: 20, jitter: 0 };

/** What of a client's batches has to be written down before a wait ends; counted over all its batches. */
export interface Settled {
  readonly delivered?: number;
  readonly retried?: number;
  readonly dead?: number;
}

/** One client of a test's configuration, under a name of its own. */
export interface TestClient {
  readonly name: string;
  /** Submits events, in their order; those of one call travel in as few batches as possible. @returns their ids */
  submit(payloads: readonly unknown[], type?: EventTypeName): Promise<string[]>;
  /** Resolves once batches that are through make up so much; all of it stands in Redis then. */
  settled(sought: Settled): Promise<void>;
  /** The log lines of attempts so far, delivered ones too. */
  attempts(eventId?: string): readonly LogLine[];
  status(): Promise<ClientView>;
  /** Oldest first. */
  deadLetters(): Promise<StoredEvent[]>;
  /** Replays or discards all dead letters. @returns how many */
  replay(redis?: Redis): Promise<number>;
  discard(): Promise<number>;
}

/** Intake and engines on the Redis of this run. All of it is stopped when the test is over. */
export interface TestEngine {
  /** The first engine; undefined where it was not to be started. */
  readonly engine: Engine | undefined;
  readonly log: LogLines;
  readonly redis: Redis;
  /** A client by the name that the test knows it by. */
  client(label?: string): TestClient;
  /** Starts a further engine; `changes` to the settings by label, as in a configuration that was edited. */
  start(changes?: Readonly<Record<string, Partial<ClientSettings>>>): Promise<Engine>;
}

/** How a test's engine differs from the usual. */
export interface TestEngineOptions {
  /** false: events wait until `start` is called. */
  readonly started?: boolean;
  /** The socket by which engines reach the Redis of this run, where something stands between. */
  readonly enginePath?: string;
  readonly deadLetters?: { readonly keepDays?: number };
  /** Left out: debug. */
  readonly logLevel?: 'info';
  /** The environment variables that `${NAME}` stands for. */
  readonly env?: Readonly<Record<string, string>>;
}

type Settings = Readonly<Record<string, ClientSettings>>;

/** Opens an intake for these clients and starts an engine that delivers to them. */
export async function testEngine(
  clients: Settings,
  options: TestEngineOptions = {},
): Promise<TestEngine & { readonly engine: Engine }> {
  const names = new Map(Object.keys(clients).map((label) => [label, uniqueClientName(label)]));
  const location = { socketPath: testRedisPath() };
  const redis = testRedis();
  const lines = captureLogLines();
  const log = createLog({ level: options.logLevel ?? 'debug', destination: lines.stream });
  const directory = testDirectory();

  function configOf(changes: Readonly<Record<string, Partial<ClientSettings>>>): Config {
    const named = [...names].map(([label, name]) => [name, { ...clients[label], ...changes[label] }]);
    const { deadLetters = {}, env = {} } = options;
    const text = JSON.stringify({ deadLetters, clients: Object.fromEntries(named) });
    return parseConfig(text, join(directory, 'waybill.yaml'), env);
  }

  const intake = await openIntake(configOf({}), location);
  onTestFinished(() => intake.close());

  async function start(changes: Readonly<Record<string, Partial<ClientSettings>>> = {}): Promise<Engine> {
    const way = { socketPath: options.enginePath ?? location.socketPath };
    const engine = stoppedOnce(await startEngine({ config: configOf(changes), redis: way, log }));
    onTestFinished(() => engine.stop(0));
    return engine;
  }

  const [first = ''] = names.keys();
  return {
    // Left out only by tests that ask for it, and those start engines by themselves.
    engine: (options.started === false ? undefined : await start()) as Engine,
    log: lines,
    redis,
    start,
    client: (label = first) => {
      const name = names.get(label);
      if (name === undefined) throw new TypeError(`the test has no client "${label}"`);
      return testClient(name, redis, lines, intake);
    },
  };
}

function stoppedOnce(engine: Engine): Engine {
  let stopped: Promise<void> | undefined;
  return {
    meter: engine.meter,
    stop(graceMs) {
      stopped ??= engine.stop(graceMs);
      return stopped;
    },
  };
}

function testClient(
  name: string,
  redis: Redis,
  log: LogLines,
  intake: Awaited<ReturnType<typeof openIntake>>,
): TestClient {
  const isAttempt = (line: LogLine): boolean => line.msg === 'attempt' && line.client === name;
  return {
    name,
    async submit(payloads, type = 'disposition_update') {
      const results = await intake.submitMany(name, type, payloads);
      return results.map((result) => {
        if (result.outcome !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(result)}`);
        return result.id;
      });
    },
    async settled({ delivered = 0, retried = 0, dead = 0 }) {
      const sum = { delivered: 0, retried: 0, dead: 0 };
      await log.waitForLine((line) => {
        if (line.msg !== 'batch' || line.client !== name) return false;
        sum.delivered += Number(line.delivered);
        sum.retried += Number(line.retried);
        sum.dead += Number(line.dead);
        return sum.delivered >= delivered && sum.retried >= retried && sum.dead >= dead;
      });
    },
    attempts: (eventId) =>
      log.matching((line) => isAttempt(line) && (eventId === undefined || line.event === eventId)),
    status: () => readView(redis, name),
    async deadLetters() {
      const letters: StoredEvent[] = [];
      for await (const page of readDeadLetters(redis, name)) letters.push(...page);
      return letters;
    },
    replay: (by = redis) =>
      actOnAll(by, name, (client, events) => replayDeadLetters(by, client, uuidv7(), events, Date.now())),
    discard: () => actOnAll(redis, name, (client, events) => discardDeadLetters(redis, client, events)),
  };
}

async function actOnAll(redis: Redis, name: string, action: DeadLetterAction): Promise<number> {
  const { done } = await actOnDeadLetters((client) => readDeadLetters(redis, client), action, {
    clients: [name],
    filter: {},
    batchSizeOf: () => 50,
  });
  return done;
}
