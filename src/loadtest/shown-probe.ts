import type { LoadReport, ReportProbe } from './report.ts';
import type { Verdict } from './search.ts';

/** What a probe is chosen by. */
export type Speaker = Pick<ReportProbe, 'purpose' | 'verdict' | 'ratePerSecond' | 'cutShort'>;

/**
 * The probe that a result is about: the last whole one at the rate that was found; else the last confirmation that
 * met the objectives, or the last probe that did, or the last of all.
 */
export function speakingProbe<Probe extends Speaker>(
  probes: readonly Probe[],
  limit: Verdict | undefined,
): Probe | undefined {
  const real = probes.filter(({ purpose }) => purpose !== 'preflight');
  const found = limit === undefined || limit.kind === 'none' ? undefined : limit.ratePerSecond;
  const met = real.filter(({ verdict }) => verdict === 'met');
  return (
    real.findLast((probe) => probe.ratePerSecond === found && hasHeld(probe)) ??
    met.findLast(({ purpose }) => purpose === 'confirm') ??
    met.at(-1) ??
    real.at(-1) ??
    probes.at(-1)
  );
}

/** Whether a probe ran to its end, and nothing was found that speaks against its rate. */
export function hasHeld({ verdict, cutShort }: Speaker): boolean {
  return (verdict === 'met' || verdict === 'undecided') && cutShort === undefined;
}

/** The probe that texts, tiles and plots show. */
export function shownProbe({ probes, result }: LoadReport): ReportProbe | undefined {
  return speakingProbe(probes, result.limit);
}

/**
 * Why the durations that a probe measured are not quoted, in a few words; undefined: they are. One that was cut
 * short, or that the endpoint did not keep up with, measured its own backlog; then no objective is judged missed, and
 * the probe is all the same. A run is what was asked for, and is quoted whatever came of it.
 */
export function whyNotQuoted({ purpose, cutShort, verdict, objectives }: ReportProbe): string | undefined {
  if (purpose === 'run' || purpose === 'preflight') return undefined;
  if (verdict === 'declared') return 'the endpoint declared its limit in this probe';
  if (verdict === 'inconclusive') return 'the generator did not keep to the plan';
  if (cutShort !== undefined) return 'this probe was cut short';
  const isMissed = objectives.some((each) => each.verdict === 'missed');
  return verdict !== 'missed' || isMissed ? undefined : 'the endpoint fell behind in this probe';
}

/** Whether what a probe measured may be quoted. */
export function isQuotable(probe: ReportProbe): boolean {
  return whyNotQuoted(probe) === undefined;
}
