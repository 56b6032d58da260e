import type { EventKey } from '../core/idempotency-key.ts';
import type { Problem } from '../core/problem.ts';
import { quoteText } from '../core/quote-text.ts';
import type { CommitOutcome } from './group-commit.ts';
import { type Refused, refusal, type SubmitResult } from './submit-result.ts';

const SHOWN_LENGTH = 100;

/** What became of an event without a key, by what became of its write. */
export function toResult(id: string, outcome: CommitOutcome): SubmitResult {
  if (outcome.kind === 'committed') return { outcome: 'accepted', id };
  const problems = [{ path: '$', message: outcome.error.message }];
  if (outcome.kind === 'unknown') return { outcome: 'unknown', id, problems };
  const code =
    (outcome.error as { code?: string }).code === 'REDIS_UNAVAILABLE' ? 'REDIS_UNAVAILABLE' : 'REDIS_REFUSED';
  return { outcome: 'refused', code, problems };
}

/** What became of an event that may have a key: its own, or that of the event which its key stands for. */
export function toKeyedResult(id: string, key: EventKey | undefined, outcome: CommitOutcome): SubmitResult {
  const result = toResult(id, outcome);
  if (key === undefined || outcome.kind === 'refused') return result;
  if (result.outcome === 'unknown') return { ...result, problems: result.problems.map(sayRepeatable) };
  const holder = outcome.kind === 'committed' ? outcome.holders?.get(id) : undefined;
  if (holder === undefined) return result;
  if (holder.fingerprint !== key.fingerprint) return keyReused(key.key, holder.id);
  return { outcome: 'accepted', id: holder.id, repeated: true };
}

function sayRepeatable({ path, message }: Problem): Problem {
  return { path, message: `${message}; submitting it again with its idempotency key is safe` };
}

function keyReused(key: string, holder: string): Refused {
  const name = `the idempotency key ${quoteText(key, SHOWN_LENGTH)}`;
  const message = `${name} stands for event ${holder}, which has another type or payload`;
  return refusal('IDEMPOTENCY_KEY_REUSED', message);
}
