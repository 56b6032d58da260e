import type { Config } from '../../../src/config/config-schema.ts';
import { parseConfig } from '../../../src/config/load-config.ts';
import type { Places } from '../protocol.ts';
import { CONCURRENCY, PATH } from '../workload.ts';

/** The client that all of it is for. */
export const CLIENT = 'acme';

/** The configuration of a client at the receiver's port: all defaults, but for the concurrency and these settings. */
export function benchConfig(port: number, more: Places['settings'] = {}): Config {
  const settings = {
    clients: {
      [CLIENT]: {
        baseUrl: `http://127.0.0.1:${port}`,
        endpoints: { disposition_update: PATH },
        concurrency: CONCURRENCY,
        allowPrivateNetwork: true,
        ...more,
      },
    },
  };
  return parseConfig(JSON.stringify(settings), 'waybill.yaml', {});
}
