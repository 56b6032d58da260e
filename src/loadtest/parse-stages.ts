import { describeValue } from '../core/describe-value.ts';
import type { Parsed } from './parsed.ts';
import { parseDurationMs, parseRatePerSecond } from './quantities.ts';
import type { Stage } from './schedule.ts';

/** Reads stages such as `10s:0-200,2m:200,10s:200-0`: for how long, and at which rate or from which to which. */
export function parseStages(text: string): Parsed<readonly Stage[]> {
  const stages: Stage[] = [];
  const problems: string[] = [];
  for (const part of text.split(',')) {
    const read = parseStage(part.trim());
    if (typeof read === 'string') problems.push(read);
    else stages.push(read);
  }
  if (problems.length === 0 && stages.every(({ fromRate, toRate }) => fromRate + toRate === 0)) {
    problems.push(`stages ${describeValue(text)} send nothing: at least one needs a rate above 0`);
  }
  return problems.length === 0 ? { ok: true, value: stages } : { ok: false, problems };
}

function parseStage(text: string): Stage | string {
  const [, length = '', from = '', to = from] = /^([^:]*):([^-]*)(?:-(.*))?$/.exec(text) ?? [];
  const durationMs = parseDurationMs(length);
  const fromRate = parseRatePerSecond(from);
  const toRate = parseRatePerSecond(to);
  if (durationMs === undefined || durationMs === 0 || fromRate === undefined || toRate === undefined) {
    return `stage ${describeValue(text)} is not a duration and a rate, such as 2m:200, or 10s:0-200 for a ramp`;
  }
  return { durationMs, fromRate, toRate };
}
