import { writeFile } from 'node:fs/promises';
import { progress, runProgram } from '../support/run-program.ts';
import { type Arena, openArena } from './arena.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { toProfileTables } from './profile-report.ts';
import { summarize } from './profile-summary.ts';
import { toReport, toTables } from './report.ts';
import { findTurnLength, runRounds } from './rounds.ts';

/*
 * `npm run bench`: what Waybill delivers and takes in, in relation to bare undici and a textbook BullMQ worker.
 * Figures on stdout, progress on stderr. Exit codes: 0 measured, whatever came of it; 1 something broke; 2 usage.
 */

async function measure(arena: Arena, { rounds, seconds, json, receiver, undici }: Options): Promise<void> {
  const turns = await runRounds(arena, { rounds, seconds, onProgress: progress });
  const scene = `receiver: ${receiver}, bare undici: ${undici}`;
  const text = json ? JSON.stringify(toReport(turns)) : toTables(turns, seconds, arena.redisVersion, scene);
  process.stdout.write(`${text}\n`);
}

async function profile(arena: Arena, { seconds, profile: name = 'waybill', save }: Options): Promise<void> {
  const events = await findTurnLength(arena, name, seconds);
  progress(`profiling ${name} over ${events.toLocaleString('en-US')} events`);
  const profiled = await arena.profile(name, events);
  if (save !== undefined) await writeFile(save, JSON.stringify(profiled.profile));
  process.stdout.write(`${toProfileTables(name, summarize(profiled.profile), profiled.events)}\n`);
}

async function run(options: Options): Promise<void> {
  const arena = await openArena(options.receiver, options.undici);
  const interrupt = (): void => void arena.close().finally(() => process.exit(130));
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    await (options.profile === undefined ? measure : profile)(arena, options);
  } finally {
    await arena.close();
  }
}

await runProgram('the benchmark', USAGE, () => readOptions(process.argv.slice(2)), run);
