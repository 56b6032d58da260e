import type { Config, ResolvedClient } from '../../config/config-schema.ts';
import { WaybillError } from '../../core/waybill-error.ts';
import type { AttemptParts, MakeAttempt } from '../../delivery/make-attempt.ts';
import type { SubmitResult } from '../../intake/submit-result.ts';
import { createLog } from '../../log.ts';
import { closeRedis, openRedis } from '../../queue/connections.ts';
import type { RedisLocation } from '../../queue/redis-options.ts';
import { forgetClient } from '../../queue/stored-clients.ts';
import { startEngine } from '../../service/engine.ts';
import { type OpenIntake, openIntake } from '../../service/open-intake.ts';
import { openRedisAccess } from '../../service/redis-access.ts';
import type { LoadAttempt } from '../recorder.ts';
import { type LoadSender, type LoadSenderOptions, measuredAttempts } from './direct-sender.ts';

/** What the way through the engine is opened with. */
export interface EngineSenderOptions extends Pick<LoadSenderOptions, 'client' | 'runId' | 'onTokenRequest'> {
  readonly config: Config;

  /** An event could not be queued: what is measured from now on says nothing, and `close` rejects. */
  onBroken(): void;
}

/** An event that was submitted, until its attempt is over. */
interface Pending {
  /** On the monotonic clock. */
  readonly submittedAt: number;
  end(attempt: LoadAttempt | undefined): void;
}

/**
 * Opens the way through the engine: intake, a queue, and workers of this process. The client has another name
 * there, so that no real event waits behind the test's, and the client's counters and dead letters stay as they
 * are. There are no retries: each event is judged by its first attempt. Closing deletes all of it.
 *
 * @throws errors of Redis; WaybillError `REDIS_...` if the embedded one cannot be started
 */
export async function openEngineSender(options: EngineSenderOptions): Promise<LoadSender> {
  const name = `loadtest-${options.runId}`;
  // By unit, of which each event has one of its own: its id is made on the way in.
  const pending = new Map<string, Pending>();
  const { access, intake, engine } = await start(name, pending, options);
  let broken: WaybillError | undefined;

  function callOff(): void {
    for (const { end } of pending.values()) end(undefined);
    pending.clear();
  }

  return {
    send: ({ type, unit, body }) =>
      new Promise((end) => {
        pending.set(unit, { submittedAt: performance.now(), end });
        void intake.submit(name, type, JSON.parse(body)).then((result) => {
          if (result.outcome === 'accepted') return;
          pending.delete(unit);
          end(undefined);
          broken ??= notQueued(result);
          options.onBroken();
        });
      }),
    callOff,
    async close() {
      callOff();
      await intake.close();
      await engine.stop(0);
      try {
        await forget(access.location, name);
      } catch (error) {
        // The reason that nothing could be queued is the more important one.
        throw broken ?? error;
      } finally {
        await access.release();
      }
      if (broken !== undefined) throw broken;
    },
  };
}

async function start(name: string, pending: Map<string, Pending>, options: EngineSenderOptions) {
  const config = { ...options.config, clients: { [name]: standIn(options.client, name) } };
  const access = await openRedisAccess(config);
  let intake: OpenIntake | undefined;
  try {
    intake = await openIntake(config, access.location);
    if (intake.redis.status !== 'ready') {
      throw new WaybillError('REDIS_UNAVAILABLE', 'Redis is away, and --via engine needs its queue');
    }
    const engine = await startEngine({
      config,
      redis: access.location,
      log: createLog({ level: 'silent', destination: { write: () => {} } }),
      attempts: (parts) => reportTo(pending, parts, options.runId),
      onTokenRequest: options.onTokenRequest,
    });
    return { access, intake, engine };
  } catch (error) {
    await intake?.close();
    await access.release();
    throw error;
  }
}

function standIn(client: ResolvedClient, name: string): ResolvedClient {
  const retry = { ...client.retry, retries: 0 };
  // A load test is to see what the endpoint does at the rate that was asked for: nothing is held.
  const pace = { mode: 'fixed', holdMs: 0, minPerSecond: 0 } as const;
  const endpoints = Object.values(client.endpoints).map((each) => ({ ...each, client: name, retry, pace }));
  return {
    ...client,
    name,
    retry,
    endpoints: Object.fromEntries(endpoints.map((each) => [each.type, each])),
  };
}

/** Attempts that report their result to the pending event. */
function reportTo(pending: Map<string, Pending>, parts: AttemptParts, runId: string): MakeAttempt {
  const attempt = measuredAttempts(parts, runId);
  return async (event, url, signal) => {
    const begunAt = performance.now();
    const made = await attempt(event, url, signal);
    // An attempt that was called off goes back into the queue, and is sent later.
    if (made === undefined) return { calledOff: true };
    const { classification, tokenMs } = made;
    const waiting = pending.get(event.unit);
    pending.delete(event.unit);
    waiting?.end({ classification, tokenMs, queueMs: begunAt - waiting.submittedAt });
    return made;
  };
}

function notQueued(result: Exclude<SubmitResult, { outcome: 'accepted' }>): WaybillError {
  const problem = result.problems[0]?.message ?? 'nothing is known of it';
  const code = result.outcome === 'refused' ? result.code : 'REDIS_UNAVAILABLE';
  return new WaybillError(code, `an event of the load test could not be queued: ${problem}`);
}

async function forget(location: RedisLocation, name: string): Promise<void> {
  const redis = openRedis(location, 'operator', () => {});
  try {
    await forgetClient(redis, name);
  } finally {
    closeRedis(redis);
  }
}
