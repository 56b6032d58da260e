import { openIntake } from '../../../src/service/open-intake.ts';
import type { Places, Taken } from '../protocol.ts';
import { payloads } from '../workload.ts';
import { benchConfig, CLIENT } from './waybill-config.ts';

/** Submits so many events for Waybill to deliver. @throws where one of them was not accepted */
export async function submitEvents({ port, redisSocket }: Places, total: number): Promise<Taken> {
  const intake = await openIntake(benchConfig(port), { socketPath: redisSocket });
  try {
    const events = payloads(total);
    const cpu = process.cpuUsage();
    const began = performance.now();
    const results = await intake.submitMany(CLIENT, 'disposition_update', events);
    const seconds = (performance.now() - began) / 1_000;
    const { user, system } = process.cpuUsage(cpu);
    const refused = results.find(({ outcome }) => outcome !== 'accepted');
    if (refused !== undefined) throw new Error(`not accepted: ${JSON.stringify(refused)}`);
    return { seconds, cpuMs: (user + system) / 1_000 };
  } finally {
    await intake.close();
  }
}
