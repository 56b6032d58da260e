import type { LoadOutcome, MadeProbe } from '../../loadtest/build-load-report.ts';
import type { LoadReport, ReportPlan } from '../../loadtest/load-report.ts';
import type { Effects } from '../../loadtest/probe.ts';
import type { Recommendations } from '../../loadtest/recommend.ts';
import type { LoadOptions } from './load-options.ts';
import type { Prepared } from './prepare.ts';

/** A load test that somebody has agreed to. */
export interface Job {
  readonly kind: LoadReport['kind'];
  readonly prepared: Prepared;
  readonly options: LoadOptions;
  readonly plan: ReportPlan;
  /** For all that is sent. */
  readonly maxRequests: number;
  carryOut(effects: Effects, onProbe: (made: MadeProbe) => void): Promise<LoadOutcome>;
  recommend(outcome: LoadOutcome): Recommendations | undefined;
}
