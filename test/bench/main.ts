import { writeFile } from 'node:fs/promises';
import { progress, runProgram } from '../support/run-program.ts';
import { runAll } from './all/run-all.ts';
import { type Arena, openArena } from './arena.ts';
import { benchLoadtest } from './loadtest.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { toProfileTables } from './profile-report.ts';
import { summarize } from './profile-summary.ts';
import { toReport, toTables } from './report.ts';
import { findTurnLength, runBlocks } from './rounds.ts';

/*
 * `npm run bench`: what Waybill delivers and takes in, in relation to bare undici and a textbook BullMQ worker.
 * Figures on stdout, progress on stderr. Exit codes: 0 measured, whatever came of it; 1 something broke; 2 usage.
 */

async function measure(open: () => Promise<Arena>, options: Options): Promise<void> {
  const { json, receiver, undici } = options;
  let redisVersion = '';
  const opened = async (): Promise<Arena> => {
    const arena = await open();
    redisVersion = arena.redisVersion;
    return arena;
  };
  const blocks = await runBlocks(opened, { ...options, onProgress: progress });
  const scene = { seconds: options.seconds, redisVersion, receiver, undici };
  process.stdout.write(`${json ? JSON.stringify(toReport(blocks)) : toTables(blocks, scene)}\n`);
}

async function profile(open: () => Promise<Arena>, options: Options): Promise<void> {
  const { seconds, profile: name = 'waybill', save } = options;
  const arena = await open();
  const events = await findTurnLength(arena, name, seconds);
  progress(`profiling ${name} over ${events.toLocaleString('en-US')} events`);
  const profiled = await arena.profile(name, events);
  if (save !== undefined) await writeFile(save, JSON.stringify(profiled.profile));
  process.stdout.write(`${toProfileTables(name, summarize(profiled.profile), profiled.events)}\n`);
}

async function loadtest(open: () => Promise<Arena>, options: Options): Promise<void> {
  const { seconds, json } = options;
  const rounds = options.blocks * options.rounds;
  const arena = await open();
  process.stdout.write(`${await benchLoadtest(arena, { rounds, seconds, json, onProgress: progress })}\n`);
}

function workOf({ profile: name, loadtest: isLoadtest }: Options): typeof measure {
  if (name !== undefined) return profile;
  return isLoadtest ? loadtest : measure;
}

async function run(options: Options): Promise<void> {
  if (options.all !== undefined) return runAll(options.all);
  let arena: Arena | undefined;
  const open = async (): Promise<Arena> => {
    arena = await openArena(options.receiver, options.undici);
    return arena;
  };
  const interrupt = (): void => void Promise.resolve(arena?.close()).finally(() => process.exit(130));
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    await workOf(options)(open, options);
  } finally {
    await arena?.close();
  }
}

await runProgram('the benchmark', USAGE, () => readOptions(process.argv.slice(2)), run);
