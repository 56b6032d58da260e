import type { StopRule } from '../../loadtest/probe.ts';
import { type AbortRule, findFailing, finishedRows } from '../../loadtest/stop-rules.ts';

/** Stops where more fail than the rule allows. */
export function onFailing(rule: AbortRule): StopRule {
  return ({ probe }) => {
    const why = findFailing(rule, finishedRows(probe.recorder));
    return why === undefined ? undefined : { kind: 'guard', why };
  };
}
