import type { Profiler } from 'node:inspector';
import { describe, expect, it } from 'vitest';
import { summarize } from './bench/profile-summary.ts';

const IN = 'file:///app/node_modules';

function node(id: number, functionName: string, url: string, children: number[] = []): Profiler.ProfileNode {
  return { id, children, callFrame: { functionName, url, scriptId: '0', lineNumber: 9, columnNumber: 0 } };
}

const nodes = [
  node(1, '(root)', '', [2, 5, 8, 9, 10, 11, 12]),
  node(2, 'settle', 'file:///app/dist/src/delivery/settle.js', [3]),
  node(3, 'dispatch', `${IN}/undici/lib/dispatcher/client.js`, [4]),
  node(4, 'writev', ''),
  node(5, 'onread', 'node:internal/stream_base_commons', [6, 7]),
  node(6, 'execute', 'wasm://wasm/1'),
  node(7, 'parse', `${IN}/redis-parser/lib/parser.js`),
  node(8, '(garbage collector)', ''),
  node(9, '(idle)', ''),
  node(10, 'info', `${IN}/pino/lib/tools.js`),
  node(11, 'loop', 'file:///app/dist/test/bench/contenders/undici.js'),
  node(12, 'post', 'file:///app/dist/src/http/client-http.js'),
];

/** A profile in which each of these nodes was at work for so many microseconds. */
function profileOf(times: readonly (readonly [id: number, microseconds: number])[]): Profiler.Profile {
  return {
    nodes,
    startTime: 0,
    endTime: times.reduce((sum, [, time]) => sum + time, 0),
    samples: [...times.map(([id]) => id), 1],
    timeDeltas: [0, ...times.map(([, time]) => time)],
  };
}

describe('summarize', () => {
  const summary = summarize(
    profileOf([
      [2, 1],
      [3, 10],
      [4, 100],
      [5, 1_000],
      [6, 20],
      [7, 300],
      [8, 40],
      [9, 5_000],
      [10, 2],
      [4, 100],
      [11, 7],
      [12, 3],
    ]),
  );

  it('keeps idle time apart', () => {
    expect(summary).toMatchObject({ busyMicroseconds: 1_583, idleMicroseconds: 5_000 });
  });

  it('adds groups up, and charges what Node did to those that called it', () => {
    const found = Object.fromEntries(
      summary.groups.map(({ group, selfMicroseconds, withNodeMicroseconds }) => [
        group,
        [selfMicroseconds, withNodeMicroseconds],
      ]),
    );
    expect(found).toEqual({
      'http client': [33, 233],
      'redis client (ioredis, bullmq)': [300, 300],
      engine: [1, 1],
      'other packages': [2, 2],
      benchmark: [7, 7],
      'node internals': [1_200, 1_000],
      GC: [40, 40],
    });
  });

  it('lists functions by their own time, with where they stand', () => {
    expect(summary.functions.slice(0, 3)).toEqual([
      {
        name: 'onread',
        where: 'node:internal/stream_base_commons:10',
        group: 'node internals',
        selfMicroseconds: 1_000,
      },
      {
        name: 'parse',
        where: 'redis-parser/lib/parser.js:10',
        group: 'redis client (ioredis, bullmq)',
        selfMicroseconds: 300,
      },
      { name: 'writev', where: '(native)', group: 'node internals', selfMicroseconds: 200 },
    ]);
    expect(summary.functions.find(({ group }) => group === 'engine')?.where).toBe(
      'src/delivery/settle.js:10',
    );
  });
});
