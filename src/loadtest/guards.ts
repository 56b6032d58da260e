import { describeValue } from '../core/describe-value.ts';
import type { Parsed } from './parsed.ts';
import { parseDurationMs, parseShare, showShare } from './quantities.ts';

/** Stop where more than a share (0 to 1) of what finished in the last `windowMs` failed. */
export interface AbortRule {
  /** As it was written, such as `failed>20% for 3s`. */
  readonly text: string;
  readonly share: number;
  readonly windowMs: number;
}

/** What finished since the row before. */
export interface FinishedRow {
  /** When the row ended, in milliseconds from the start. */
  readonly atMs: number;
  readonly finished: number;
  readonly failed: number;
}

/** What a load test stops at by itself. */
export const DEFAULT_ABORT_RULE: AbortRule = { text: 'failed>20% for 3s', share: 0.2, windowMs: 3_000 };

/** Fewer than these say nothing about a share: at a low rate the window reaches back for them. */
const LEAST_FINISHED = 10;

/** Reads a rule such as `failed>20% for 3s`. */
export function parseAbortRule(text: string): Parsed<AbortRule> {
  const [, percent = '', length = ''] = /^\s*failed\s*>\s*(\S+)\s+for\s+(\S+)\s*$/.exec(text) ?? [];
  const share = parseShare(percent);
  const windowMs = parseDurationMs(length);
  if (share !== undefined && windowMs !== undefined && windowMs > 0) {
    return { ok: true, value: { text: `failed>${percent} for ${length}`, share, windowMs } };
  }
  const problem = `${describeValue(text)} is no rule to stop at, such as "failed>20% for 3s"`;
  return { ok: false, problems: [problem] };
}

/**
 * Why to stop now, as a sentence; undefined: there is no reason to. The window is the time of the rule, or longer
 * where fewer than ten events finished within it, and nothing is said before it is full.
 *
 * @param rows in ascending order, the last of them just ended; the first began at `startMs`
 */
export function findFailing(rule: AbortRule, rows: readonly FinishedRow[], startMs = 0): string | undefined {
  const nowMs = rows.at(-1)?.atMs ?? startMs;
  if (nowMs - startMs < rule.windowMs) return undefined;
  let [finished, failed] = [0, 0];
  for (const row of rows.toReversed()) {
    if (row.atMs <= nowMs - rule.windowMs && finished >= LEAST_FINISHED) break;
    finished += row.finished;
    failed += row.failed;
  }
  if (finished < LEAST_FINISHED || failed <= rule.share * finished) return undefined;
  return `${failed} of the latest ${finished} events failed, more than ${showShare(rule.share)} (${rule.text})`;
}
