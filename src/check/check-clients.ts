import type { ResolvedClient } from '../config/config-schema.ts';
import { findCredentialDoubts } from '../config/credential-doubts.ts';
import { groupBy } from '../core/group-by.ts';
import { wallNow } from '../core/time.ts';
import { describeCertificates } from './check-certificates.ts';
import { checkClient, describeDoubts } from './check-client.ts';
import { about, type CheckFinding, clientSubject, type Remark, remark } from './finding.ts';
import { createResolveHost } from './resolve-host.ts';

/** Most of a check is waiting; each client takes two connections at a time, one after another. */
const CLIENTS_AT_ONCE = 128;
/** Of clients that a file is named by. */
const NAMES_SHOWN = 5;
/** No client is begun later. */
const TOTAL_MS = 120_000;

/** Says that a check was ended before it was done. */
export function cutShort(totalMs: number): Remark {
  return remark('warning', `was not checked to the end: that takes more than ${totalMs / 1_000} s`, 'late');
}

/** What bounds a check of clients, and follows it. */
export interface CheckLimits {
  /** No client is begun later; in milliseconds, default 120,000. */
  readonly totalMs?: number;
  /** Ends what is under way as well. */
  readonly signal?: AbortSignal | undefined;
  /** Told how many clients are done. */
  onChecked?(done: number): void;
}

/**
 * Checks clients of a configuration in this directory, within two minutes and what the last ones take; one that it does
 * not come to, or not to the end of, has a warning.
 */
export async function checkClients(
  clients: readonly ResolvedClient[],
  directory: string,
  { totalMs = TOTAL_MS, signal, onChecked = () => {} }: CheckLimits = {},
): Promise<CheckFinding[]> {
  const deadline = performance.now() + totalMs;
  const resolveHost = createResolveHost(deadline, signal);
  const late = remark('warning', `was not checked: the clients before it took ${totalMs / 1_000} s`, 'late');
  const check = async (client: ResolvedClient): Promise<Remark[]> => {
    if (signal?.aborted || performance.now() >= deadline) return [late];
    const remarks = await checkClient(client, resolveHost, signal);
    if (signal?.aborted) return [cutShort(totalMs)];
    return remarks.some((one) => one.class === late.class) ? [late] : remarks;
  };
  const findings = await forEachClient(clients, onChecked, async (client) => [
    ...describeDoubts(findCredentialDoubts(client)),
    ...describeCertificates(client, directory, wallNow()),
    ...(await check(client)),
  ]);
  return tellOnce(findings);
}

/** A warning of a file that several clients name is said once, at the first of them. */
function tellOnce(findings: readonly CheckFinding[]): CheckFinding[] {
  const isAlike = (one: CheckFinding): boolean => one.class === 'certificate' && one.level === 'warning';
  const groups = groupBy<CheckFinding, unknown>(findings, (one) => (isAlike(one) ? one.message : one));
  return [...groups.values()].flatMap(([first, ...others]) => {
    if (first === undefined || others.length === 0) return first ?? [];
    const all = [first, ...others].map(({ subject }) => subject.slice(clientSubject('').length));
    const names = `${all.slice(0, NAMES_SHOWN).join(', ')}${all.length > NAMES_SHOWN ? ', …' : ''}`;
    return { ...first, message: `${first.message}, for ${all.length} clients: ${names}` };
  });
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
