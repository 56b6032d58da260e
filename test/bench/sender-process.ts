import { type Profiler, Session } from 'node:inspector/promises';
import { serve } from './child.ts';
import { createBullmqSender } from './contenders/bullmq.ts';
import { createLoadtestSender } from './contenders/loadtest.ts';
import { createRawSender } from './contenders/raw.ts';
import { createUndiciSender } from './contenders/undici.ts';
import { createWaybillSender } from './contenders/waybill.ts';
import type { Places, SenderCommands } from './protocol.ts';
import type { CreateSender } from './sender.ts';

/*
 * The process of one contender that delivers: `sender-process.js <contender> <places as JSON>`.
 */

const SENDERS: Readonly<Record<string, CreateSender>> = {
  undici: createUndiciSender,
  bullmq: createBullmqSender,
  waybill: createWaybillSender,
  receiver: createRawSender,
  loadtest: createLoadtestSender,
};
const SAMPLE_EVERY_MICROSECONDS = 500;

const [, , name = '', places = ''] = process.argv;
const create = SENDERS[name];
if (create === undefined) throw new Error(`there is no contender "${name}"`);
const sender = create(JSON.parse(places) as Places);
const session = new Session();
let cpu = process.cpuUsage();

serve<SenderCommands>({
  prepare: (total) => sender.prepare(total),
  async start() {
    cpu = process.cpuUsage();
    await sender.start();
  },
  async stop() {
    await sender.stop();
    const { user, system } = process.cpuUsage(cpu);
    return { cpuMs: (user + system) / 1_000 };
  },
  async startProfile() {
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_MICROSECONDS });
    await session.post('Profiler.start');
  },
  async stopProfile(): Promise<Profiler.Profile> {
    const { profile } = await session.post('Profiler.stop');
    session.disconnect();
    return profile;
  },
});
