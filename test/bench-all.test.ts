import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, test } from 'vitest';
import { MEASURES } from './bench/all/measures.ts';
import { type Row, rowOfRounds, rowOfValue } from './bench/all/row.ts';
import { toRowsTable } from './bench/all/rows-table.ts';

const BENCH = fileURLToPath(new URL('../dist/test/bench/main.js', import.meta.url));
const speed = { name: 'speed', goal: 4, floor: 3, better: 'more', detail: 'so' } as const;
const time = { name: 'time', goal: 3, floor: 4, better: 'less', detail: 'so' } as const;
const rounds = (low: number, high: number) => ({ median: (low + high) / 2, low, high, confidence: 0.96 });

describe('a target', () => {
  it.each([
    [speed, 4, 5, 'met'],
    [speed, 3, 3.9, 'floor met, goal missed'],
    [speed, 3.5, 4.5, 'floor met, goal undecided'],
    [speed, 2, 2.9, 'below floor'],
    [time, 2, 3, 'met'],
    [time, 3.1, 4, 'floor met, goal missed'],
    [time, 2.5, 3.5, 'floor met, goal undecided'],
    [time, 4.1, 5, 'below floor'],
  ])('%j measured as %d to %d is %s', (target, low, high, verdict) => {
    const row = rowOfRounds(target, rounds(low, high));
    expect(row).toMatchObject({ verdict, value: { low, high }, goal: target.goal, floor: target.floor });
  });

  it.each([
    [1.5, 'met'],
    [1.6, 'missed'],
  ])('without a floor, measured once as %d, is %s', (value, verdict) => {
    const row = rowOfValue({ name: 'memory', goal: 1.5, better: 'less', detail: 'so', unit: 'MB' }, value);
    expect(row).toMatchObject({ verdict, value, measured: `${value.toFixed(2)} MB` });
    expect(row).not.toHaveProperty('floor');
  });

  it('stands in the table with its goal, its floor and its verdict', () => {
    const text = toRowsTable([rowOfRounds(time, rounds(2, 3))]);
    expect(text).toMatch(/time.*2\.50 \(2\.00 – 3\.00\).*3.*4.*met/);
    expect(text).toMatch(/^time: so$/m);
  });
});

test('all targets can be measured, at a thousandth of their size', async () => {
  const words = [BENCH, '--all', '--scale', '0.001', '--json'];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, words);
  for (const name of Object.keys(MEASURES)) expect(stderr).toContain(`measuring: ${name}\n`);
  const { rows } = JSON.parse(stdout) as { readonly rows: readonly Row[] };
  expect(rows.length).toBeGreaterThanOrEqual(Object.keys(MEASURES).length);
  for (const { value, verdict } of rows) {
    const values = typeof value === 'number' ? [value] : [value.low, value.high];
    expect(values.filter((measured) => !Number.isFinite(measured))).toEqual([]);
    expect(verdict).not.toBe('');
  }
  const connections = rows.find(({ name }) => name.endsWith('connections'));
  expect(connections?.value).toBeGreaterThan(0);
}, 240_000);
