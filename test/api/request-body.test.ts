import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { withWholeBody } from '../../src/api/request-body.ts';

const bodyOf = (bytes: number): Readable => Readable.from([Buffer.alloc(bytes)]);

test('bodies in memory share a room: what does not fit is told to come again, and room is given back', async () => {
  const room = { bytes: 10 };
  let finish = (): void => {};
  let began = (): void => {};
  const beginning = new Promise<void>((resolve) => {
    began = resolve;
  });
  const first = withWholeBody(bodyOf(8), room, (body) => {
    began();
    return new Promise<number>((resolve) => {
      finish = () => resolve(body.length);
    });
  });
  await beginning;
  const fits = withWholeBody(bodyOf(2), room, async (body) => body.length);
  expect(await fits).toBe(2);
  const second = withWholeBody(bodyOf(3), room, async () => 0);
  await expect(second).rejects.toMatchObject({ problem: { code: 'SERVER_BUSY' } });
  finish();
  expect(await first).toBe(8);
  const failing = withWholeBody(bodyOf(10), room, () => Promise.reject(new Error('refused')));
  await expect(failing).rejects.toThrow('refused');
  expect(await withWholeBody(bodyOf(10), room, async (body) => body.length)).toBe(10);
});
