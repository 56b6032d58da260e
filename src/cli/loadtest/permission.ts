import type { ResolvedClient } from '../../config/config-schema.ts';
import { findPermission, type LoadPermission } from '../../loadtest/load-permission.ts';
import { showRate } from '../../loadtest/quantities.ts';
import { UsageError } from '../run-command.ts';
import { formatCount } from '../terminal.ts';

/** What a client's configuration permits. @throws UsageError where it permits nothing */
export function permitOf(client: ResolvedClient): LoadPermission {
  const found = findPermission(client);
  if (!found.ok) throw new UsageError(found.problems.join('; '));
  return found.value;
}

/** @throws UsageError where the plan goes beyond it */
export function expectPermitted(permit: LoadPermission, rate: number, total: number): void {
  if (rate > permit.maxRatePerSecond) {
    throw new UsageError(
      `${showRate(rate)} is more than the ${showRate(permit.maxRatePerSecond)} that this client's loadtest.maxRatePerSecond permits`,
    );
  }
  if (total > permit.maxRequests) {
    throw new UsageError(
      `${formatCount(total)} requests are more than the ${formatCount(permit.maxRequests)} permitted (loadtest.maxRequests, --max-requests)`,
    );
  }
}
