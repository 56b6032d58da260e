import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Producer } from '../../src/service/producer.ts';
import { payloadOf, TYPE } from './fates.ts';

const EVERY_MS = 100;
/** What a worker had that was lost comes after its lock, and two looks for stalled batches. */
const ARRIVES_WITHIN_MS = 150_000;
const LOOK_AGAIN_MS = 100;

/** What became of it. */
export interface BystanderAccount {
  readonly accepted: number;
  /** Accepted, and never arrived. */
  readonly lost: number;
  /** Between two arrivals, while events were submitted. */
  readonly longestSilenceMs: number;
  readonly violations: readonly string[];
}

/** A client whose server of a Cluster no fault hits: all of its events are to be accepted, and to arrive. */
export type Bystander = Awaited<ReturnType<typeof openBystander>>;

/** Opens its endpoint, which answers everything with 200. */
export async function openBystander(client: string) {
  const arrivals: number[] = [];
  const arrived = new Set<string>();
  const server = createServer((request, response) => {
    arrivals.push(Date.now());
    arrived.add(String(request.headers['idempotency-key']));
    request.resume().on('end', () => response.writeHead(200).end('{}'));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    client,
    port,
    /** Submits an event every so often until it is to stop, and waits until all have arrived. */
    async run(producer: Producer, stopping: () => boolean): Promise<BystanderAccount> {
      const accepted: string[] = [];
      const violations: string[] = [];
      for (let unit = 1; !stopping(); unit += 1) {
        const result = await producer.submit(client, TYPE, payloadOf(unit));
        if (result.outcome === 'accepted') accepted.push(result.id);
        else violations.push(`the bystander's event is ${result.outcome}: ${result.problems[0]?.message}`);
        await pause(EVERY_MS);
      }
      const longestSilenceMs = longestGap([...arrivals, Date.now()]);
      const missing = () => accepted.filter((id) => !arrived.has(id)).length;
      const deadline = performance.now() + ARRIVES_WITHIN_MS;
      while (missing() > 0 && performance.now() < deadline) await pause(LOOK_AGAIN_MS);
      const lost = missing();
      if (lost > 0) violations.push(`${lost} of the bystander's events are missing`);
      return { accepted: accepted.length, lost, longestSilenceMs, violations };
    },
    async close(): Promise<void> {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}

function longestGap(times: readonly number[]): number {
  return Math.max(0, ...times.slice(1).map((time, i) => time - (times[i] ?? time)));
}
