import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '../../src/core/random.ts';
import { progress, runProgram } from '../support/run-program.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { drawPlan, fixedPlan, type RedisKind } from './plan.ts';
import { isClean, toReport, toText } from './report.ts';
import { runChaos } from './run.ts';

/*
 * `npm run chaos`: kills and freezes services, their supervisors and workers alone, commands and Redis under load, has the endpoint
 * refuse, answer 503 and hang, and judges by what the receiver saw
 * whether an event was lost. The account on stdout, progress on stderr. Exit codes: 0 nothing lost and no rule
 * broken; 1 otherwise; 2 usage.
 */

/** The lock, two looks for stalled batches, and a margin. */
const TAKEOVER_MS = 45_000;
/** Among the tests, with others running beside it on few cores. */
const TAKEOVER_AMONG_TESTS_MS = 2 * TAKEOVER_MS;
/** After a kill, deliveries go on within: the lock, two looks for stalled batches, and a margin; after a failover sooner. */
const SILENCE_MS: Readonly<Record<RedisKind, number>> = { one: 45_000, sentinel: 15_000, cluster: 15_000 };
const SILENCE_AMONG_TESTS_MS = 90_000;
const LARGEST_SEED = 0xffff_ffff;

async function run(options: Options): Promise<void> {
  const { fixed, seed, json, redis } = options;
  const { plan, seconds } = fixed
    ? fixedPlan(redis)
    : { plan: drawPlan(options.seconds, seededRandom(seed), redis), seconds: options.seconds };
  progress(fixed ? `fixed plan, ${seconds} s` : `seed ${seed}, ${seconds} s`);
  const directory = mkdtempSync(join(tmpdir(), 'waybill-chaos-'));
  const takeoverWithinMs = fixed ? TAKEOVER_AMONG_TESTS_MS : TAKEOVER_MS;
  const longestSilenceMs = fixed ? SILENCE_AMONG_TESTS_MS : SILENCE_MS[redis];
  const limits = { takeoverWithinMs, longestSilenceMs };
  const outcome = await runChaos({ plan, seconds, redis, ...limits, directory, onProgress: progress });
  if (isClean(outcome)) rmSync(directory, { recursive: true, force: true });
  else progress(`logs and data are in ${directory}`);
  process.stdout.write(
    json ? `${JSON.stringify(toReport({ ...options, seconds }, outcome))}\n` : `${toText(outcome)}\n`,
  );
  process.exitCode = isClean(outcome) ? 0 : 1;
}

await runProgram('the run', USAGE, () => readOptions(process.argv.slice(2), randomInt(LARGEST_SEED)), run);
