import type { Lane } from '../../src/delivery/lane.ts';
import { createLanes, type Lanes } from '../../src/delivery/lanes.ts';
import { createLine, type Line } from '../../src/delivery/line.ts';
import type { Pacing } from '../../src/delivery/pacing.ts';
import { createPermits, type Permits } from '../../src/delivery/permits.ts';
import { createPutOffs, type PutOffs } from '../../src/delivery/put-offs.ts';

/** What a client's events pass on their way to being sent. */
export interface TestLine {
  readonly lanes: Lanes;
  /** The endpoint of the first type. */
  readonly lane: Lane;
  readonly permits: Permits;
  readonly line: Line;
}

/** The line of a client with an endpoint for each of these types. */
export function testLine(
  concurrency: number,
  options: { types?: readonly string[]; pacing?: Pacing | undefined; room?: number } = {},
): TestLine {
  const { types = ['x'], pacing, room = concurrency } = options;
  const urls = Object.fromEntries(types.map((type) => [type, `http://127.0.0.1/${type}`]));
  const lanes = createLanes({ urls, concurrency });
  const permits = createPermits(concurrency, lanes);
  const line = createLine({ lanes, permits, pacing, room });
  return { lanes, lane: lanes.of(types[0] ?? ''), permits, line };
}

/** Put-offs of a test in which nothing is put off. */
export function noPutOffs(): PutOffs {
  return createPutOffs({
    bringForward: () => Promise.reject(new Error('nothing was put off')),
    onError: (error) => {
      throw error;
    },
  });
}
