import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyAnswer, changedAnswer } from './any-answer.ts';
import { DIFFERENCES, type Difference } from './node-differences.ts';
import { type Reading, readAsNode } from './read-as-node.ts';
import { readPieces } from './read-pieces.ts';

/** Sampled, since a property that is asynchronous takes longer about each than both readers together. */
const CHANGED_ANSWERS = 20_000;
const VALID_ANSWERS = 2_000;

function readAsWe(bytes: Buffer): Reading {
  const { head, body, end, fault } = readPieces([bytes]);
  const whole = end === 'over' || end === 'at_close';
  return { status: head?.status, body: whole ? body : undefined, fault };
}

/** How far a reader got: to no status, to a status, to the end. */
function progress({ status, body }: Reading): number {
  return (status === undefined ? 0 : 1) + (body === undefined ? 0 : 1);
}

/** Has both read an answer; returns how they differ, if they do. */
async function compare(text: string) {
  const bytes = Buffer.from(text, 'latin1');
  const [ours, theirs] = [readAsWe(bytes), await readAsNode(bytes)];
  // What both understand as a status is the same, always.
  if (progress(ours) > 0 && progress(theirs) > 0) expect(ours.status).toBe(theirs.status);
  const [we, they] = [progress(ours), progress(theirs)];
  if (we === they && ours.body === theirs.body) return undefined;
  const refusedBy = we < they ? 'us' : we > they ? 'Node' : 'none';
  return { refusedBy, ours, theirs, fault: refusedBy === 'us' ? ours.fault : theirs.fault } as const;
}

function isOf(difference: Difference, refusedBy: string, fault: string | undefined, text: string): boolean {
  const { sign, faults } = difference;
  return difference.refusedBy === refusedBy && faults.includes(fault) && sign.test(text);
}

test("valid answers have the status and the body that Node's parser finds", async () => {
  for (const text of fc.sample(anyAnswer, { numRuns: VALID_ANSWERS, seed: 1 })) {
    expect(await compare(text), JSON.stringify(text)).toBeUndefined();
    expect(progress(readAsWe(Buffer.from(text, 'latin1'))), JSON.stringify(text)).toBe(2);
  }
});

test('so have changed ones, or both refuse them, or the difference is a known one', async () => {
  let accepted = 0;
  for (const text of fc.sample(changedAnswer, { numRuns: CHANGED_ANSWERS, seed: 1 })) {
    const found = await compare(text);
    if (found === undefined) {
      accepted += progress(readAsWe(Buffer.from(text, 'latin1'))) === 2 ? 1 : 0;
    } else if (!DIFFERENCES.some((each) => isOf(each, found.refusedBy, found.fault, text))) {
      expect(found, JSON.stringify(text)).toBeUndefined();
    }
  }
  // Or else the changes would break too much, or nothing.
  expect(accepted / CHANGED_ANSWERS).toBeGreaterThan(0.2);
  expect(accepted / CHANGED_ANSWERS).toBeLessThan(0.8);
});

test.each(DIFFERENCES)('$name: refused by $refusedBy', async (difference) => {
  const found = await compare(difference.example);
  expect(found).toBeDefined();
  expect(isOf(difference, found?.refusedBy ?? '', found?.fault, difference.example), `${found?.fault}`).toBe(
    true,
  );
});
