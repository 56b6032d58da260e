/*
 * A program that uses the packed package, in a project of its own. It is compiled and run there as an ES module and as
 * CommonJS: `node consumer <client> <path of Redis' socket>`. It ends by itself, once all is closed.
 */

import { createProducer, type PayloadOf, type SubmitResult, WaybillError } from 'waybill';
import { type ReceivedRequest, type RequestHistory, startCompany } from 'waybill/sandbox';
import { startService } from 'waybill/service';

const TYPE = 'disposition_update';

const SAMPLE: PayloadOf<typeof TYPE> = {
  from_disposition: 'needs_testing',
  to_disposition: 'recycle',
  timestamp: '2018-03-20T00:00:00',
  location_identifier: 'RTS-1112',
  warehouse_identifier: 22,
  optiturn_lp: 'LPAA1234567',
  program_identifier: 'parcel_returns',
  upc: '0123456789012',
  from_condition: 'N',
  to_condition: 'TT',
};

// The types are there: neither of these compiles.
// @ts-expect-error a text that is none
export const wrong: PayloadOf<typeof TYPE> = { ...SAMPLE, to_disposition: true };
// @ts-expect-error a type that does not exist
export type Wrong = PayloadOf<'disposition'>;

async function* samples(count: number): AsyncGenerator<PayloadOf<typeof TYPE>> {
  for (let n = 0; n < count; n++) yield { ...SAMPLE, optiturn_lp: `LP${n}` };
}

/** Fails the first attempt of every event. */
function failOnce(_request: ReceivedRequest, { ofEvent }: RequestHistory): number {
  return ofEvent === 1 ? 500 : 200;
}

async function main([client = '', socket = '']: readonly string[]): Promise<void> {
  const company = await startCompany(client, { script: failOnce });
  const retry = { baseDelayMs: 20, factor: 1, jitter: 0 };
  const clients = { [client]: company.clientSettings({ retry, pace: 'fixed' }) };
  const config = { redis: { url: socket }, clients };
  const lines: string[] = [];
  const add = (_facts: object, message: string): void => void lines.push(message);
  const log = { debug: add, info: add, warn: add, error: add, isLevelEnabled: () => false };
  const service = await startService(config, { log });
  const producer = await createProducer(config);
  const results: SubmitResult[] = await producer.submitMany(client, TYPE, samples(3));
  for await (const result of producer.submitEach(client, TYPE, samples(4))) results.push(result);
  await company.waitFor(() => company.deliveredIds.size === 7);
  await producer.close();
  await service.stop();
  await company.close();
  const refusal = await startService({ clients: {} }).catch((error: unknown) => error);
  const told = {
    accepted: results.filter(({ outcome }) => outcome === 'accepted').length,
    requests: company.requests.length,
    refusal: refusal instanceof WaybillError ? refusal.code : 'none',
    lines,
  };
  process.stdout.write(`${JSON.stringify(told)}\n`);
}

void main(process.argv.slice(2));
