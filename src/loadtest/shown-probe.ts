import type { LoadReport, ReportProbe } from './report.ts';

/** The probe that the verdict is about: the run, the last probe that met the objectives, or the last of all. */
export function shownProbe({ probes }: LoadReport): ReportProbe | undefined {
  const real = probes.filter(({ purpose }) => purpose !== 'preflight');
  const met = real.filter(({ verdict }) => verdict === 'met');
  return met.findLast(({ purpose }) => purpose === 'confirm') ?? met.at(-1) ?? real.at(-1) ?? probes.at(-1);
}

/**
 * Whether what a probe measured may be quoted. One that was cut short, or that the endpoint did not keep up with,
 * measured its own backlog; then no objective is judged missed, and the probe is all the same.
 */
export function isQuotable({ cutShort, verdict, objectives }: ReportProbe): boolean {
  if (cutShort !== undefined || verdict === 'declared' || verdict === 'inconclusive') return false;
  return verdict !== 'missed' || objectives.some((each) => each.verdict === 'missed');
}
