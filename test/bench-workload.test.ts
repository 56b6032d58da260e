import { describe, expect, it } from 'vitest';
import { findEventType } from '../src/core/event-types.ts';
import { BODY_BYTES, bodyOf, explainWrong, headersOf, PATH } from './bench/workload.ts';

const KEY = '01931f3e-7b7c-7bbb-8888-123456789012';

function headWith(change: (lines: string[]) => string[] = (lines) => lines): string {
  const headers = headersOf(KEY);
  const ours = headers.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${headers[at + 1]}`] : []));
  const lines = [`POST ${PATH} HTTP/1.1`, 'Host: 127.0.0.1:1', `Content-Length: ${BODY_BYTES}`, ...ours];
  return change(lines).join('\r\n');
}

describe('the bodies', () => {
  it('are the published sample, but for the unit', () => {
    const { sample } = findEventType('disposition_update');
    expect(JSON.parse(bodyOf(42))).toEqual({ ...sample, optiturn_lp: 'LPAA0000042' });
  });

  it('have the same length', () => {
    expect(Buffer.byteLength(bodyOf(9_999_999))).toBe(BODY_BYTES);
  });
});

describe('explainWrong', () => {
  it('finds nothing wrong with what is agreed, in whatever order and case', () => {
    expect(explainWrong(headWith(), bodyOf(7))).toBeUndefined();
    const upsideDown = headWith(([first = '', ...others]) => [first, ...others.reverse()]);
    expect(explainWrong(upsideDown.replace('accept:', 'Accept:'), bodyOf(7))).toBeUndefined();
  });

  it.each([
    ['a header too many', (lines: string[]) => [...lines, 'x-more: 1'], 'the headers are'],
    [
      'a header missing',
      (lines: string[]) => lines.filter((line) => !line.startsWith('accept')),
      'the headers are',
    ],
    ['authorization', (lines: string[]) => [...lines, 'authorization: Bearer t'], 'the headers are'],
    [
      'another key',
      (lines: string[]) => lines.map((line) => line.replace(KEY, '17')),
      'the idempotency-key is "17"',
    ],
    ['another path', (lines: string[]) => ['POST / HTTP/1.1', ...lines.slice(1)], 'the request line is'],
  ])('names %s', (_what, change, expected) => {
    expect(explainWrong(headWith(change), bodyOf(7))).toContain(expected);
  });

  it('names a body that differs in one byte', () => {
    expect(explainWrong(headWith(), bodyOf(7).replace('recycle', 'recycla'))).toContain('the body is');
  });
});
