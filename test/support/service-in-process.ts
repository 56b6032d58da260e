import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { createLog } from '../../src/log.ts';
import type { ServiceOptions } from '../../src/service/service.ts';
import { captureLogLines } from './log-lines.ts';

/** The built one: its workers are processes. */
const SERVICE = fileURLToPath(new URL('../../dist/src/service/service.js', import.meta.url));

/** Starts a service in the test's own process, which may be given what the command has no option for. */
export async function serviceInProcess(text: string, file: string, own: Partial<ServiceOptions> = {}) {
  const { startService } = (await import(SERVICE)) as typeof import('../../src/service/service.ts');
  const lines = captureLogLines();
  const service = await startService({
    config: parseConfig(text, file),
    text,
    workers: 1,
    logLevel: 'info',
    log: createLog({ level: 'info', destination: lines.stream }),
    now: Date.now,
    onOutput: (output) => void lines.stream.write(output),
    ...own,
  });
  onTestFinished(() => service.stop());
  await service.started;
  return { service, lines };
}
