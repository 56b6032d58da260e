import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../../../src/config/config-schema.ts';
import { parseConfig } from '../../../src/config/load-config.ts';
import { createLog } from '../../../src/log.ts';
import { startEngine } from '../../../src/service/engine.ts';
import { type OpenIntake, openIntake } from '../../../src/service/open-intake.ts';
import { numberedEvents } from '../../support/events.ts';
import { type PrivateRedis, startPrivateRedis } from '../private-redis.ts';
import { estimate, median, pairedRatios } from '../statistics.ts';
import { payloadOf } from '../workload.ts';
import { type Row, rowOfRounds } from './row.ts';

/*
 * One endpoint of a client answers nothing, the other one everything: what that costs the other one. Each round
 * measures without and with the first one's backlog, on an empty Redis each time.
 */

const CLIENT = 'acme';
const ROUNDS = 6;
const PER_SECOND = 100;
const SECONDS = 4;
/** Not counted: connections are opened, code is compiled. */
const LEAD_IN = 100;
const BACKLOG = 5_000;
const LEAST_BACKLOG = 200;
const LEAST_COUNT = 50;
const TARGET = {
  name: 'one endpoint black-holed: p99 of the client’s other one ÷ without',
  goal: 1.2,
  floor: 1.5,
  better: 'less',
} as const;

/** The client's two endpoints, in one server: it answers dispositions, and no receipt. */
interface Receiver {
  readonly port: number;
  /** Resolves with the time when the request about a unit began to arrive; `performance.now()`. */
  arrival(unit: string): Promise<number>;
  close(): void;
}

/** p99 of the healthy endpoint with the other one black-holed ÷ without. @throws what fails on the way */
export async function measureFairness(scale: number): Promise<Row> {
  const backlog = Math.max(LEAST_BACKLOG, Math.round(BACKLOG * scale));
  const count = Math.max(LEAST_COUNT, Math.round(PER_SECOND * SECONDS * scale));
  const rounds = scale < 1 ? 1 : ROUNDS;
  const redis = await startPrivateRedis();
  const receiver = await startReceiver();
  try {
    const [without, beside, first]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < rounds; round += 1) {
      without.push((await measure(redis, receiver, { turn: round * 2, backlog: 0, count })).p99);
      const hung = await measure(redis, receiver, { turn: round * 2 + 1, backlog, count });
      beside.push(hung.p99);
      first.push(hung.firstMs);
    }
    const ms = (values: readonly number[]): string => `${median(values).toFixed(1)} ms`;
    const detail =
      `p99 ${ms(beside)} beside ${backlog.toLocaleString('en-US')} events that hang, ${ms(without)} without, ` +
      `at ${PER_SECOND}/s; the first event behind them waited ${ms(first)}`;
    return rowOfRounds({ ...TARGET, detail }, estimate(pairedRatios(beside, without)));
  } finally {
    receiver.close();
    await redis.close();
  }
}

/** One turn: p99 in milliseconds, and how long the first event waited behind the backlog. */
async function measure(
  redis: PrivateRedis,
  receiver: Receiver,
  { turn, backlog, count }: { readonly turn: number; readonly backlog: number; readonly count: number },
) {
  await redis.reset();
  const config = configOf(receiver.port);
  const location = { socketPath: redis.socketPath };
  const intake = await openIntake(config, location);
  const log = createLog({ level: 'info', destination: { write() {} } });
  const engine = await startEngine({ config, redis: location, log });
  try {
    await intake.submitMany(CLIENT, 'inventory_receipt', numberedEvents('inventory_receipt', backlog));
    const from = turn * 100_000;
    const firstMs = await latency(intake, receiver, from);
    await latencies(intake, receiver, from + 1, LEAD_IN);
    const found = await latencies(intake, receiver, from + 1 + LEAD_IN, count);
    found.sort((a, b) => a - b);
    return { p99: found[Math.ceil(found.length * 0.99) - 1] ?? Number.NaN, firstMs };
  } finally {
    await engine.stop(0);
    await intake.close();
  }
}

/** Submits events evenly, without waiting for one another. */
async function latencies(
  intake: OpenIntake,
  receiver: Receiver,
  from: number,
  count: number,
): Promise<number[]> {
  const began = performance.now();
  const found: Promise<number>[] = [];
  for (let n = 0; n < count; n += 1) {
    await pause(Math.max(0, began + (n * 1_000) / PER_SECOND - performance.now()));
    found.push(latency(intake, receiver, from + n));
  }
  return Promise.all(found);
}

/** Milliseconds from the submission of an event to the first byte at the receiver. */
async function latency(intake: OpenIntake, receiver: Receiver, n: number): Promise<number> {
  const payload = payloadOf(n);
  const arrival = receiver.arrival(String(payload.optiturn_lp));
  const submitted = performance.now();
  const result = await intake.submit(CLIENT, 'disposition_update', payload);
  if (result.outcome !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(result)}`);
  return (await arrival) - submitted;
}

function configOf(port: number): Config {
  const client = {
    baseUrl: `http://127.0.0.1:${port}`,
    endpoints: { disposition_update: '/dispositions', inventory_receipt: '/inventory_receipt' },
    allowPrivateNetwork: true,
  };
  return parseConfig(JSON.stringify({ clients: { [CLIENT]: client } }), 'waybill.yaml', {});
}

async function startReceiver(): Promise<Receiver> {
  const awaited = new Map<string, (at: number) => void>();
  const server: Server = createServer(async (request, response) => {
    const at = performance.now();
    if (request.url !== '/dispositions') return;
    const { optiturn_lp: unit } = JSON.parse(await bodyOf(request)) as { optiturn_lp: string };
    response.end('{"message":"Success"}');
    awaited.get(unit)?.(at);
    awaited.delete(unit);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    arrival: (unit) =>
      new Promise((resolve) => {
        awaited.set(unit, resolve);
      }),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += chunk;
  return body;
}
