import type { ResolvedClient } from '../../config/config-schema.ts';
import { checkClient } from './check-client.ts';
import { createResolveHost } from './check-host.ts';
import { type CheckFinding, clientSubject } from './finding.ts';

/** Clients that are looked at side by side: the system resolves few names at a time. */
const SIDE_BY_SIDE = 16;
const TOTAL_MS = 60_000;

/** Checks all clients, within a minute; those that it did not come to are said. */
export async function checkClients(clients: readonly ResolvedClient[]): Promise<CheckFinding[]> {
  const resolveHost = createResolveHost();
  const deadline = performance.now() + TOTAL_MS;
  const results: CheckFinding[][] = clients.map(() => []);
  let next = 0;
  async function work(): Promise<void> {
    while (next < clients.length) {
      const index = next++;
      const client = clients[index];
      if (client === undefined) return;
      results[index] =
        performance.now() < deadline ? await checkClient(client, resolveHost) : [unchecked(client.name)];
    }
  }
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
  return results.flat();
}

function unchecked(name: string): CheckFinding {
  const message = `was not checked: the clients before it took ${TOTAL_MS / 1_000} s`;
  return { level: 'warning', subject: clientSubject(name), message };
}
