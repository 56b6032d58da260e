import { type Judgement, judgeProbe } from './judge.ts';
import type { Observation } from './observation.ts';
import { showRate } from './quantities.ts';
import type { ProbeRecord, ProbeStep, SearchOptions } from './search.ts';

/**
 * What a probe came to. A limit that the endpoint declares goes before all else; an objective for the rate does
 * not apply, since the search sets the rate.
 */
export function recordProbe(step: ProbeStep, observation: Observation, options: SearchOptions): ProbeRecord {
  const { purpose, ratePerSecond, durationMs } = step;
  const probe = { purpose, ratePerSecond, durationMs, observation };
  if (purpose === 'preflight') {
    const isDelivered = observation.delivered > 0;
    const reason = isDelivered ? 'delivered' : `not delivered: ${describeFailure(observation)}`;
    return { ...probe, verdict: isDelivered ? 'met' : 'missed', passed: isDelivered, reason };
  }
  const judgement = judgeProbe(
    observation,
    options.objectives.filter(({ kind }) => kind !== 'rate'),
  );
  const declared = observation.declaredLimit;
  if (declared !== undefined) {
    const reason = `the endpoint declared its limit: ${declared.status} from ${showRate(declared.atRatePerSecond)} on`;
    return { ...probe, judgement, verdict: 'declared', passed: false, reason };
  }
  const { verdict } = judgement;
  const passed =
    verdict === 'met' || (purpose !== 'confirm' && verdict === 'undecided' && looksMet(judgement));
  const reason = judgement.reasons.join('; ') || 'all objectives are met';
  return { ...probe, judgement, verdict, passed, reason };
}

function looksMet({ objectives }: Judgement): boolean {
  return objectives.every(({ objective, share, verdict }) => {
    if (verdict === 'met' || objective.kind === 'rate' || share === undefined) return verdict === 'met';
    return share.against <= objective.allowedShare * share.of;
  });
}

function describeFailure({ byStatus, byFailureClass }: Observation): string {
  const [status] = Object.keys(byStatus);
  const [failureClass] = Object.keys(byFailureClass);
  return status === undefined ? (failureClass ?? 'no answer') : `status ${status}`;
}

/** The highest rate below another that passed a probe; undefined: none did. */
export function highestPassBelow(probes: readonly ProbeRecord[], rate: number): number | undefined {
  const rates = passes(probes).map(({ ratePerSecond }) => ratePerSecond);
  const below = rates.filter((each) => each < rate);
  return below.length === 0 ? undefined : Math.max(...below);
}

function passes(probes: readonly ProbeRecord[]): ProbeRecord[] {
  return probes.filter(({ passed, purpose }) => passed && purpose !== 'preflight');
}
