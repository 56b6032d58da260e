import { expect, test } from 'vitest';
import { RelatedTokens } from '../../src/auth/related-tokens.ts';

/** Each gets a token in place of a good one that was refused, and has it accepted. @returns what each tells */
function duel(...sides: readonly RelatedTokens[]) {
  return sides.map((side) => {
    side.noteIssued(true);
    return side.noteProven();
  });
}

test('two scopes that void each other’s tokens are told once, also if a third one joins later', () => {
  const group: RelatedTokens[] = [];
  const a = new RelatedTokens(group, 'a', ['acme']);
  const b = new RelatedTokens(group, '', ['globex']);
  a.noteIssued(false);
  const rounds = [duel(b, a), duel(b, a)];
  expect(rounds).toEqual([
    [undefined, undefined],
    [
      undefined,
      [
        { scope: 'a', clients: ['acme'] },
        { scope: 'none', clients: ['globex'] },
      ],
    ],
  ]);
  const c = new RelatedTokens(group, 'c', ['initech']);
  expect([...duel(b, c), ...duel(b, c), ...duel(b, c)]).toEqual(new Array(6).fill(undefined));
});
