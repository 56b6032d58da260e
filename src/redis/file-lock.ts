import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, open } from 'node:fs/promises';
import { WaybillError } from '../core/waybill-error.ts';

/** Node has no flock(2). These lock the file that they inherit as descriptor 3, and end: the lock stays with the file. */
const WITH_FLOCK = (mode: readonly string[]): string[] => ['flock', ...mode, '3'];
const WITH_PERL = (mode: readonly string[]): string[] => {
  // flock(2): 2 is LOCK_EX, 4 is LOCK_NB.
  const flags = mode.length > 0 ? 2 + 4 : 2;
  return ['perl', '-e', `open(my $file, '>>&=', 3); exit !flock($file, ${flags})`];
};
/** macOS has perl and no flock(1), small Linux images the reverse. */
const locker = process.platform === 'linux' ? WITH_FLOCK : WITH_PERL;

/**
 * Locks a file for one process at a time; makes it if it is missing. The kernel keeps the lock while the file is open, in
 * this process or in a child that inherited it. So it ends with them, also by kill -9. Throws errors of the file
 * system, and a WaybillError `REDIS_NOT_INSTALLED` if this machine has no command that locks.
 *
 * @param waitMs how long others may hold it meanwhile; 0: not at all
 * @returns the open file: closing it gives the lock back; undefined: others hold it
 */
export async function lockFile(path: string, waitMs: number): Promise<FileHandle | undefined> {
  const file = await open(path, 'a', 0o600);
  const [command = '', ...args] = locker(waitMs === 0 ? ['-n'] : []);
  try {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'ignore', file.fd], timeout: waitMs });
    const [code] = await once(child, 'close');
    if (code === 0) return file;
  } catch (cause) {
    await file.close();
    const sentence = `${command} cannot be run, and the embedded Redis needs it: install it, or set redis.url`;
    throw new WaybillError('REDIS_NOT_INSTALLED', sentence, { cause });
  }
  await file.close();
  return undefined;
}
