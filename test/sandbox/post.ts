import type { Dispatcher } from 'undici';
import { Agent, request } from 'undici';
import { onTestFinished } from 'vitest';
import type { Company } from '../../src/sandbox/company.ts';

/** What a delivery can differ in. */
export interface Delivery {
  readonly key?: string;
  readonly path?: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
  readonly agent?: Dispatcher;
}

/** An undici agent that is destroyed when the test is over. */
export function testAgent(options: Agent.Options = {}): Agent {
  const agent = new Agent(options);
  onTestFinished(() => agent.destroy());
  return agent;
}

/** Posts one delivery and reads the whole answer. */
export async function post(company: Company, delivery: Delivery = {}) {
  const { key = 'event-1', path = '/dispositions', body = '{"optiturn_lp":"LPAA1"}', headers } = delivery;
  const response = await request(`${company.baseUrl}${path}`, {
    method: 'POST',
    dispatcher: delivery.agent ?? testAgent(),
    headers: { 'content-type': 'application/json', 'idempotency-key': key, ...headers },
    body,
  });
  return { status: response.statusCode, headers: response.headers, body: await response.body.text() };
}

/** Posts several deliveries one after another over one connection; the statuses. */
export async function postAll(company: Company, deliveries: readonly Delivery[]): Promise<number[]> {
  const agent = testAgent({ connections: 1 });
  const statuses: number[] = [];
  for (const delivery of deliveries) statuses.push((await post(company, { agent, ...delivery })).status);
  return statuses;
}
