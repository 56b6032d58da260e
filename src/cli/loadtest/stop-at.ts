import type { StopRule } from '../../loadtest/drive.ts';
import { type AbortRule, findFailing } from '../../loadtest/guards.ts';
import type { PayloadSource } from '../../loadtest/payloads.ts';
import { finishedRows } from '../../loadtest/stop-rules.ts';
import { formatCount } from '../terminal.ts';

/** Stops where as much has been handed out as may be sent: warm-ups and repeated looks count as well. */
export function onSpent(payloads: PayloadSource, maxRequests: number): StopRule {
  return () => {
    if (payloads.handedOut < maxRequests) return undefined;
    return { kind: 'guard', why: `all ${formatCount(maxRequests)} requests that may be sent were sent` };
  };
}

/** Stops where more fail than the rule allows. */
export function onFailing(rule: AbortRule): StopRule {
  return ({ probe }) => {
    const why = findFailing(rule, finishedRows(probe.recorder));
    return why === undefined ? undefined : { kind: 'guard', why };
  };
}
