import { Queue, Worker } from 'bullmq';
import { Agent, request } from 'undici';
import { v7 as uuidv7 } from 'uuid';
import type { Places } from '../protocol.ts';
import type { Sender } from '../sender.ts';
import { CONCURRENCY, PATH, sentPayloadOf, USER_AGENT } from '../workload.ts';

/*
 * The textbook: one job per event, the job's id as the key, retries by BullMQ itself.
 */

const QUEUE = 'textbook';
const JOBS_PER_ADD = 1_000;

/** Puts so many events into the queue. */
export async function fillTextbookQueue(redisSocket: string, total: number): Promise<void> {
  const queue = new Queue(QUEUE, {
    connection: { path: redisSocket },
    defaultJobOptions: {
      attempts: 6,
      backoff: { type: 'exponential', delay: 15_000 },
      removeOnComplete: true,
    },
  });
  for (let first = 0; first < total; first += JOBS_PER_ADD) {
    const count = Math.min(JOBS_PER_ADD, total - first);
    await queue.addBulk(
      Array.from({ length: count }, (_, n) => ({
        name: 'disposition_update',
        data: sentPayloadOf(first + n),
        opts: { jobId: uuidv7() },
      })),
    );
  }
  await queue.close();
}

/** How many jobs are left, whatever their state. */
export async function countTextbookJobs(redisSocket: string): Promise<number> {
  const queue = new Queue(QUEUE, { connection: { path: redisSocket } });
  const counts = await queue.getJobCounts();
  await queue.close();
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** A BullMQ worker as a careful user would write it. */
export function createBullmqSender({ port, redisSocket }: Places): Sender {
  const url = `http://127.0.0.1:${port}${PATH}`;
  let agent: Agent | undefined;
  let worker: Worker | undefined;

  return {
    async prepare() {},
    async start() {
      const dispatcher = new Agent({ connections: CONCURRENCY });
      agent = dispatcher;
      worker = new Worker(
        QUEUE,
        async (job) => {
          const { statusCode, body } = await request(url, {
            dispatcher,
            method: 'POST',
            headers: {
              'content-type': 'application/json',
              accept: 'application/json',
              'user-agent': USER_AGENT,
              'idempotency-key': job.id ?? '',
              'x-waybill-attempt': String(job.attemptsMade + 1),
            },
            body: JSON.stringify(job.data),
          });
          await body.dump();
          if (statusCode < 200 || statusCode > 299) throw new Error(`status ${statusCode}`);
        },
        { connection: { path: redisSocket, maxRetriesPerRequest: null }, concurrency: CONCURRENCY },
      );
      worker.on('error', failed);
      worker.on('failed', (_job, error) => failed(error));
    },
    async stop() {
      await worker?.close();
      await agent?.close();
    },
  };
}

/** Ends the process: what fails here makes the measurement worthless. */
function failed(error: Error): void {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
}
