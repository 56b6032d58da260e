import { EVENT_TYPES } from '../core/event-types.ts';

/** The port on which `waybill sandbox` listens unless told otherwise. */
export const SANDBOX_PORT = 4080;

/** The `waybill.yaml` that `waybill init --sandbox` writes: its one client is what `waybill sandbox` plays. */
export function sandboxConfig(): string {
  const endpoints = EVENT_TYPES.map(({ name, path }) => `      ${name}: ${path}`);
  return `# A configuration to try Waybill with: "waybill sandbox" plays its client, on this machine.
# "waybill init --config real.yaml" writes one with every setting explained; "waybill docs config" lists them.

clients:
  sandbox:
    # Where "waybill sandbox" listens.
    baseUrl: http://127.0.0.1:${SANDBOX_PORT}

    # Where events of each type go. "waybill docs events" shows what is in them.
    endpoints:
${endpoints.join('\n')}

    # The sandbox wants no credentials. Other clients do: "waybill docs auth".
    auth: { type: none }

    # Without this nothing is sent to addresses of this machine and of private networks.
    allowPrivateNetwork: true

    # A failed event is sent again after 1, 2, 4, 8 and 16 s, and then given up on: soon enough to watch it.
    # Left out, five retries span three hours.
    retry: { retries: 5, baseDelayMs: 1000, factor: 2 }
`;
}
