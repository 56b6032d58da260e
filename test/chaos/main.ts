import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '../../src/core/random.ts';
import { progress, runProgram } from '../support/run-program.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { drawPlan, FIXED_PLAN, FIXED_SECONDS } from './plan.ts';
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
const LARGEST_SEED = 0xffff_ffff;

async function run(options: Options): Promise<void> {
  const { fixed, seed, json } = options;
  const seconds = fixed ? FIXED_SECONDS : options.seconds;
  progress(fixed ? `fixed plan, ${seconds} s` : `seed ${seed}, ${seconds} s`);
  const directory = mkdtempSync(join(tmpdir(), 'waybill-chaos-'));
  const plan = fixed ? FIXED_PLAN : drawPlan(seconds, seededRandom(seed));
  const takeoverWithinMs = fixed ? TAKEOVER_AMONG_TESTS_MS : TAKEOVER_MS;
  const outcome = await runChaos({ plan, seconds, takeoverWithinMs, directory, onProgress: progress });
  if (isClean(outcome)) rmSync(directory, { recursive: true, force: true });
  else progress(`logs and data are in ${directory}`);
  process.stdout.write(
    json ? `${JSON.stringify(toReport({ ...options, seconds }, outcome))}\n` : `${toText(outcome)}\n`,
  );
  process.exitCode = isClean(outcome) ? 0 : 1;
}

await runProgram('the run', USAGE, () => readOptions(process.argv.slice(2), randomInt(LARGEST_SEED)), run);
