import { readFileSync } from 'node:fs';
import { type WaybillProcess, workerPidsOf } from './waybill-process.ts';

/** The unit of times in /proc: a hundredth of a second on every Linux that Node runs on. */
const TICK_MS = 10;

/** The processor time that a process has used so far, all threads together; milliseconds. */
export function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is a name in parentheses, with whatever it holds; user and system time are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Lines about what the service is for; they come late, since the log is buffered. */
const WORK: ReadonlySet<unknown> = new Set(['attempt', 'batch', 'dead letter']);

/** What a service does while something lasts: its share of one processor, and its lines of log besides those of its work. */
export async function idleness(
  service: WaybillProcess,
  during: () => Promise<void>,
): Promise<{ readonly share: number; readonly lines: number; readonly ms: number }> {
  const pids = [service.pid, ...workerPidsOf(service)];
  const used = (): number => pids.reduce((sum, pid) => sum + processorMs(pid), 0);
  const from = { at: performance.now(), used: used(), lines: countLines(service) };
  await during();
  const ms = performance.now() - from.at;
  const share = (used() - from.used) / ms;
  return { share, lines: countLines(service) - from.lines, ms };
}

function countLines({ lines }: WaybillProcess): number {
  return lines.filter(({ msg }) => !WORK.has(msg)).length;
}
