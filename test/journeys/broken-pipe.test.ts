import { expect, test } from 'vitest';
import { failOnLeaks } from '../support/leaks.ts';
import { outageScene } from '../support/outage.ts';

failOnLeaks();

test('the signal of a broken pipe, as writing to a closed connection brings it, stops no service', async () => {
  const scene = await outageScene();
  const service = await scene.startService();
  service.signalAll('SIGPIPE');
  for (let round = 0; round < 3; round += 1) await scene.delivered(await scene.submit(50));
  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 0, signal: null });
  const stopping = service.lines.filter(({ msg, pid }) => msg === 'stopping' && pid === service.pid);
  expect(stopping).toMatchObject([{ signal: 'SIGTERM' }]);
});
