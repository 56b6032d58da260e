import { expect, test } from 'vitest';
import type { StoredEvent } from '../../src/core/event.ts';
import { UnitList } from '../../src/incidents/units-csv.ts';

function letter(unit: string, more: Partial<StoredEvent> = {}): StoredEvent {
  return {
    id: '0190',
    type: 'disposition_update',
    unit,
    body: '{"user_login":"jane"}',
    history: [
      [1_000, 422, 'client_error', 5],
      [2_000, 422, 'client_error', 5],
    ],
    ...more,
  };
}

test('each event is a line, with its last failure and nothing of what was sent', () => {
  const list = new UnitList();
  list.add(letter('LP1', { response: 'jane may not' }));
  list.add(letter('LP2', { history: [[3_000, 0, 'timeout', 9]] }));
  expect(list.text.split('\r\n')).toEqual([
    'unit,type,event,given_up_at,status,class,attempts',
    'LP1,disposition_update,0190,1970-01-01T00:00:02.000Z,422,client_error,2',
    'LP2,disposition_update,0190,1970-01-01T00:00:03.000Z,,timeout,1',
    '',
  ]);
});

test.each([
  ['=1+1', "'=1+1"],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@SUM(A1)', "'@SUM(A1)"],
  [' =1', "' =1"],
  ['\t=1', `"'\t=1"`],
  ['\r\n=1', `"'\r\n=1"`],
  ['=a,"b"', `"'=a,""b"""`],
  ['a=1', 'a=1'],
  ['a,b', '"a,b"'],
  ['a;=1', '"a;=1"'],
  ['a"b', '"a""b"'],
  ['a\nb', '"a\nb"'],
  ['LP-1', 'LP-1'],
  ['', ''],
])('a unit %j is the cell %j, which no spreadsheet computes', (unit, cell) => {
  const list = new UnitList();
  list.add(letter(unit));
  const [, rest = ''] = /^.*\r\n([\s\S]*)$/.exec(list.text) ?? [];
  expect(rest.slice(0, rest.indexOf(',disposition_update'))).toBe(cell);
});

test('the oldest 40,000 events are listed, the others counted', () => {
  const list = new UnitList();
  for (let n = 0; n < 40_002; n += 1) list.add(letter(`LP${n}`));
  expect([list.count, list.listed]).toEqual([40_002, 40_000]);
  expect(list.text.split('\r\n')).toHaveLength(40_002);
  expect(list.text).toContain('LP39999,');
});
