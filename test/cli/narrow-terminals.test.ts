import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { fitTable } from '../../src/cli/fit-table.ts';
import { breakLines } from '../../src/cli/terminal.ts';

const plain = (text: string): string => text;
const HEAD = ['client', 'id', 'type', 'attempts', 'class'];
const ID = '01a2299d-7e5a-7737-939f-1dcf8a38a5a3.0';
const ROWS = [
  ['acme', ID, 'drop_shipment_partial_cancellation', '6', 'server_error'],
  ['beta', ID, 'outbound_asn', '11', 'timeout'],
];
const table = (columns: number) => fitTable({ head: HEAD, rows: ROWS, numeric: [3] }, columns, plain);

describe('a table', () => {
  test('that fits is printed whole', () => {
    expect(table(Number.POSITIVE_INFINITY).split('\n')).toEqual([
      `client  id                                      type                                attempts  class`,
      `acme    ${ID}  drop_shipment_partial_cancellation         6  server_error`,
      `beta    ${ID}  outbound_asn                              11  timeout`,
    ]);
    expect(table(106)).toBe(table(Number.POSITIVE_INFINITY));
  });

  test('that is a little too wide has its longest texts cut, and never a name, an id or a figure', () => {
    expect(table(92).split('\n')).toEqual([
      `client  id                                      type                  attempts  class`,
      `acme    ${ID}  drop_shipment_parti…         6  server_error`,
      `beta    ${ID}  outbound_asn                11  timeout`,
    ]);
  });

  test('that is far too wide is a list of each row', () => {
    expect(table(60).split('\n')).toEqual([
      'client    acme',
      `id        ${ID}`,
      'type      drop_shipment_partial_cancellation',
      'attempts  6',
      'class     server_error',
      '',
      'client    beta',
      `id        ${ID}`,
      'type      outbound_asn',
      'attempts  11',
      'class     timeout',
    ]);
  });

  test('property: no line leaves the terminal unless a single cell does', () => {
    const cell = fc
      .string({ maxLength: 30, unit: 'grapheme-composite' })
      .map((text) => text.replace(/\s/g, '_'));
    const rows = fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(rows, fc.integer({ min: 50, max: 100 }), (cells, columns) => {
        const text = fitTable({ head: ['client', 'what', 'n'], rows: cells, numeric: [2] }, columns, plain);
        for (const line of text.split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
      }),
    );
  });
});

describe('sentences', () => {
  test('break at blanks, set in below where they began', () => {
    const text = 'acme: paused since noon\n  ok       the endpoint for disposition_update is at 127.0.0.1';
    expect(breakLines(text, 30, 9)).toBe(
      [
        'acme: paused since noon',
        '  ok       the endpoint for',
        '           disposition_update',
        '           is at 127.0.0.1',
      ].join('\n'),
    );
    expect(breakLines(text, Number.POSITIVE_INFINITY, 9)).toBe(text);
  });

  test('a word that is longer than a line stays whole: it may be a path to copy', () => {
    const path = `/srv/${'x'.repeat(40)}`;
    expect(breakLines(`see ${path} for it`, 20, 2).split('\n')).toEqual(['see', `  ${path}`, '  for it']);
  });

  test('property: words are neither lost nor split', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,30}$/), { minLength: 1 }), (words) => {
        const text = words.join(' ');
        expect(breakLines(text, 20, 2).split(/\s+/)).toEqual(words);
      }),
    );
  });
});
