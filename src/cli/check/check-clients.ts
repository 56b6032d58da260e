import type { ResolvedClient } from '../../config/config-schema.ts';
import { findCredentialDoubts } from '../../config/credential-doubts.ts';
import { createResolveHost } from '../../service/resolve-host.ts';
import { withProgress } from '../progress.ts';
import { describeCertificates } from './check-certificates.ts';
import { checkClient, describeDoubts } from './check-client.ts';
import { about, type CheckFinding, clientSubject, type Remark, remark } from './finding.ts';

/** Most of a check is waiting; each client takes two connections at a time, one after another. */
const CLIENTS_AT_ONCE = 128;
/** No client is begun later. */
const TOTAL_MS = 120_000;

/** Checks all clients of a configuration in this directory, within two minutes and what the last ones take; one that it does not come to has a warning. */
export async function checkClients(
  clients: readonly ResolvedClient[],
  directory: string,
): Promise<CheckFinding[]> {
  const deadline = performance.now() + TOTAL_MS;
  const resolveHost = createResolveHost(deadline);
  const late = remark('warning', `was not checked: the clients before it took ${TOTAL_MS / 1_000} s`, 'late');
  const check = async (client: ResolvedClient): Promise<Remark[]> => {
    const remarks = performance.now() >= deadline ? [late] : await checkClient(client, resolveHost);
    return remarks.some((one) => one.class === late.class) ? [late] : remarks;
  };
  return withProgress('clients checked', clients.length, (update) =>
    forEachClient(clients, update, async (client) => [
      ...describeDoubts(findCredentialDoubts(client)),
      ...describeCertificates(client, directory, Date.now()),
      ...(await check(client)),
    ]),
  );
}

/** Does something for each client, many side by side; what was found comes in the order of the clients. */
export async function forEachClient(
  clients: readonly ResolvedClient[],
  update: (done: number) => void,
  action: (client: ResolvedClient) => Promise<readonly Remark[]>,
): Promise<CheckFinding[]> {
  const results: CheckFinding[][] = [];
  const waiting = clients.entries();
  let done = 0;
  async function work(): Promise<void> {
    for (const [index, client] of waiting) {
      results[index] = about(clientSubject(client.name), await action(client));
      done += 1;
      update(done);
    }
  }
  await Promise.all(Array.from({ length: Math.min(CLIENTS_AT_ONCE, clients.length) }, work));
  return results.flat();
}
