import { InvalidArgumentError } from 'commander';
import { expect, test } from 'vitest';
import { parseKeyTemplate } from '../../src/cli/send/key-template.ts';

const PAYLOAD = { optiturn_lp: 'LP1', quantity: 3, to: { identifier: 1352 }, from: null };

test.each([
  ['order-17', 'order-17'],
  ['returns-0301:{n}', 'returns-0301:42'],
  ['{$.optiturn_lp} {$.to.identifier}', 'LP1 1352'],
  ['{n}{n}/{$.quantity}', '4242/3'],
  ['{type} {$.optiturn_lp}', 'outbound_asn LP1'],
])('%s makes the key %s', (template, key) => {
  expect(parseKeyTemplate(template)(PAYLOAD, 42, 'outbound_asn')).toBe(key);
});

test.each(['', 'ä', 'x'.repeat(256), '{', '{}', '{line}', '{optiturn_lp}', '{$}', '{$.}', '{$.a} }'])(
  '%j is no template',
  (template) => {
    expect(() => parseKeyTemplate(template)).toThrow(InvalidArgumentError);
  },
);

test.each([
  ['{$.upc}', '$.upc, which it is made of, is missing'],
  ['{$.constructor}', '$.constructor, which it is made of, is missing'],
  ['{$.optiturn_lp.length}', '$.optiturn_lp.length, which it is made of, is missing'],
  ['{$.from}', '$.from, which it is made of, is neither a text nor a number'],
  ['{$.to}', '$.to, which it is made of, is neither a text nor a number'],
])('%s cannot be filled in', (template, message) => {
  expect(() => parseKeyTemplate(template)(PAYLOAD, 1, 'outbound_asn')).toThrow(message);
});
