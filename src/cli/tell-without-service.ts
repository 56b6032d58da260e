import type { Redis } from 'ioredis';
import { countServices } from '../queue/count-services.ts';
import type { Terminal } from './terminal.ts';

/** Says so where no service runs: what was queued waits for one. */
export async function tellWithoutService(terminal: Terminal, redis: Redis): Promise<void> {
  if ((await countServices(redis)) !== 0) return;
  const hint = 'No service is running: the events wait until "waybill start".';
  if (terminal.json) terminal.note(hint);
  else terminal.line(hint);
}
