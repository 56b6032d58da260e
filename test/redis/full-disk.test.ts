import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { testDirectory } from '../support/waybill-process.ts';

const FILL = fileURLToPath(new URL('./full-disk-process.mjs', import.meta.url));

/**
 * Runs shell in namespaces of its own, which any user may have where the system allows it: its mounts are gone
 * with it, and so are its processes.
 */
function inNamespace(shell: string, ...args: string[]) {
  const words = ['-rmpf', '--mount-proc', '--kill-child', 'sh', '-c', shell, 'sh', ...args];
  return spawnSync('unshare', words, { encoding: 'utf8', timeout: 15_000, killSignal: 'SIGKILL' });
}

const canMount = inNamespace('mount -t tmpfs tmpfs /mnt').status === 0;
if (!canMount) process.stderr.write('skipped: the test of a small file system: none can be mounted here\n');

/** The lines of JSON that a run printed. */
function lines(stdout: string): unknown[] {
  const texts = stdout.split('\n').filter((line) => line !== '');
  return texts.map((line) => JSON.parse(line));
}

test.skipIf(!canMount)('a file system without room is told as such', () => {
  const mountAndFill = 'mount -t tmpfs -o size=400k tmpfs "$1" && exec "$2" "$3" "$1/data"';
  const run = inNamespace(mountAndFill, testDirectory(), process.execPath, FILL);
  expect(run.stderr).toBe('');
  const [written, told] = lines(run.stdout);
  expect(written).toEqual({ acknowledged: expect.any(Number) });
  expect(told).toEqual({
    cause: {
      code: 'REDIS_DISK_FULL',
      message: expect.stringMatching(
        /has ended \(no room to write its file: make room on the disk.*; its last words in .*(?:No space left|Short write)/,
      ),
    },
  });
});

test.skipIf(!canMount)('a file system that is read only is told as such', () => {
  const shell = 'mount -t tmpfs -o ro tmpfs "$1" && exec "$2" "$3" "$1/data"';
  const run = inNamespace(shell, testDirectory(), process.execPath, FILL);
  expect(run.status).not.toBe(0);
  expect(run.stderr).toMatch(
    /REDIS_DATA_DIR|cannot be used for the embedded Redis: EROFS: read-only file system/,
  );
});
