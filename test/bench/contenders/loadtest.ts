import { createIdSource } from '../../../src/intake/id-source.ts';
import { Generator } from '../../../src/loadtest/generator.ts';
import { Recorder } from '../../../src/loadtest/recorder.ts';
import { type LoadSender, openDirectSender } from '../../../src/loadtest/senders/direct-sender.ts';
import type { Places } from '../protocol.ts';
import type { Sender } from '../sender.ts';
import { bodyOf, CONCURRENCY } from '../workload.ts';
import { benchConfig, CLIENT } from './waybill-config.ts';

const DIFFERENT_BODIES = 1_000;
/**
 * The generator comes round once a millisecond, and does not wait for answers: with no more in flight than the
 * others have it would idle between two rounds.
 */
const IN_FLIGHT = 4 * CONCURRENCY;

/**
 * The load tester's generator and recorder, with an event due whenever there is room for one in flight: the most
 * that it can offer.
 */
export function createLoadtestSender({ port }: Places): Sender {
  const client = benchConfig(port).clients[CLIENT];
  if (client === undefined) throw new Error('the client is gone');
  const bodies = Array.from({ length: DIFFERENT_BODIES }, (_, n) => bodyOf(n));
  const newId = createIdSource();
  let left = 0;
  let sender: LoadSender | undefined;
  let generator: Generator | undefined;

  function nextEvent() {
    left -= 1;
    const body = bodies[left % DIFFERENT_BODIES] ?? '';
    return { id: newId(), type: 'disposition_update', unit: '', body };
  }

  return {
    async prepare(total) {
      left = total;
    },
    async start() {
      const now = (): number => performance.now();
      const opened = openDirectSender({
        client,
        runId: 'bench',
        maxInFlight: IN_FLIGHT,
        redis: undefined,
        secretKey: undefined,
        now: Date.now,
        onTokenRequest: () => {},
      });
      sender = opened;
      const startedAt = now();
      const { timeoutMs } = client;
      const durationMs = Number.POSITIVE_INFINITY;
      const recorder = new Recorder({ startedAt, warmupMs: 0, durationMs, timeoutMs });
      // Long due, or not yet.
      const intendedAt = (): number => (recorder.inFlight < IN_FLIGHT ? 0 : Number.POSITIVE_INFINITY);
      const arrivals = { total: left, durationMs, intendedAt };
      generator = new Generator({
        arrivals,
        maxInFlight: IN_FLIGHT,
        recorder,
        send: opened.send,
        nextEvent,
        now,
      });
    },
    async stop() {
      await generator?.done;
      await sender?.close();
    },
  };
}
