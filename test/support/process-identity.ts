import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** A process, told apart from a later one that got the same number: `started` is when it began, as its system says it. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly started: string;
}

const run = promisify(execFile);

/** Identifies a running process; undefined if there is none of that number (or only its remains). */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const started = process.platform === 'linux' ? await startedOnLinux(pid) : await startedByPs(pid);
  return started === undefined ? undefined : { pid, started };
}

/** Whether that very process still runs. */
export async function isRunning(identity: ProcessIdentity): Promise<boolean> {
  const present = await identifyProcess(identity.pid);
  return present !== undefined && present.started === identity.started;
}

/** proc(5), /proc/pid/stat: the name stands in parentheses and may hold any; field 3 is the state, 22 the start. */
async function startedOnLinux(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  if (state === undefined || state === '' || state === 'Z' || state === 'X') return undefined;
  return fields[19];
}

async function startedByPs(pid: number): Promise<string | undefined> {
  // ps ends with 1 if there is no such process.
  const answer = await run('ps', ['-o', 'stat=,lstart=', '-p', String(pid)]).catch(() => undefined);
  const line = answer?.stdout.trim();
  if (line === undefined || line === '' || line.startsWith('Z')) return undefined;
  return line.slice(line.indexOf(' ') + 1).trim();
}
