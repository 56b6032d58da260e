/** Draws numbers in [0, 1), as `Math.random` does. */
export type Random = () => number;

/** Draws one of these. */
export function pick<Value>(values: readonly Value[], random: Random): Value {
  return values[Math.floor(random() * values.length)] as Value;
}

const ODD_TEXTS: readonly (() => string)[] = [
  () => '',
  () => ' ',
  () => '\u0000',
  () => '\ud800',
  () => '\udc00\ud83d',
  () => '\u{1f4e6}é',
  () => '\u001b[2J\u009b\u007f',
  () => '\u202eabc\u2028\u2029',
  () => '\ufeff',
  () => '"\\/\b\f\n\r\t',
  () => '{"a":1}',
  () => '__proto__',
  () => '9007199254740993',
  () => '2018-02-30T00:00:00Z',
  () => '2018-03-20T23:59:60.1234567890Z',
  () => 'x'.repeat(300),
];

const ODD_NUMBERS: readonly number[] = [
  0,
  -0,
  1,
  -1,
  0.5,
  1e21,
  1e-7,
  1e308,
  5e-324,
  2 ** 31,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 53 + 2,
  -(2 ** 53) + 1,
  -(2 ** 53),
  123456789012.5,
];

function nested(depth: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = wrap(value);
  return value;
}

const PLAIN_VALUES: readonly ((random: Random) => unknown)[] = [
  (random) => pick(ODD_TEXTS, random)(),
  (random) => pick(ODD_NUMBERS, random),
  () => null,
  () => true,
  () => [],
  () => ({}),
  (random) => nested(Math.floor(random() * 70), (inner) => [inner]),
  (random) => nested(Math.floor(random() * 70), (inner) => ({ in: inner })),
  () => JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
  () => ({ toJSON: 1, toString: 2, hasOwnProperty: null, length: -1 }),
  (random) => Array.from({ length: 20 }, () => pick(ODD_TEXTS, random)()),
  (random) => ({ [pick(ODD_TEXTS, random)()]: pick(ODD_NUMBERS, random) }),
];

/** A value that JSON can carry, though perhaps no payload may. */
export function plainValue(random: Random): unknown {
  return pick(PLAIN_VALUES, random)(random);
}

class Instance {
  readonly a = 1;
}

function cycle(): unknown {
  const value: { self?: unknown; list?: unknown[] } = {};
  value.self = value;
  value.list = [value];
  return value;
}

function manyWays(): unknown {
  let value: unknown = ['x'];
  for (let level = 0; level < 40; level++) value = [value, value];
  return value;
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function changing(): unknown {
  let reads = 0;
  return {
    get value() {
      reads += 1;
      return reads === 1 ? 'once' : 'turned';
    },
  };
}

function throwing(): never {
  throw new Error(`\u001b[2J${'x'.repeat(10_000)}`);
}

const STRANGE_VALUES: readonly (() => unknown)[] = [
  () => undefined,
  () => 10n ** 400n,
  () => Symbol('s'),
  () => () => 1,
  () => Number.NaN,
  () => Number.POSITIVE_INFINITY,
  () => new Date(0),
  () => new Date(Number.NaN),
  () => new Map([[1, 2]]),
  () => new Instance(),
  () => new String('boxed'),
  () => Object(1),
  () => Buffer.from('bytes'),
  () => /x/g,
  () => new Error('error'),
  () => Promise.resolve(1),
  () => new Array(1_000_000_000),
  // biome-ignore lint/suspicious/noSparseArray: that is what is tried
  () => [1, , 2],
  () => [undefined],
  () => Object.assign([1], { toJSON: () => 'turned' }),
  () => Object.defineProperty({ a: 1 }, 'toJSON', { value: () => 'turned' }),
  () => ({ toJSON: () => 'turned' }),
  () => Object.create(null, { a: { value: 1, enumerable: true } }),
  () => Object.create({ inherited: 1 }),
  () => Object.defineProperty({}, 'a', { enumerable: true, get: throwing }),
  () => new Proxy({}, { ownKeys: throwing }),
  () => new Proxy({}, { getPrototypeOf: throwing, get: throwing, has: throwing }),
  () => new Proxy([], { get: (_, key) => (key === 'length' ? Number.MAX_SAFE_INTEGER : throwing()) }),
  () => ({ toString: throwing, valueOf: throwing, [Symbol.toPrimitive]: throwing }),
  revoked,
  changing,
  cycle,
];

/** What only a program can submit: no JSON, or something that is another thing whenever it is looked at. */
export function strangeValue(random: Random): unknown {
  // Slow to be told, as it ought to be: a million values are looked at.
  if (random() < 0.0001) return manyWays();
  return pick(STRANGE_VALUES, random)();
}

/** A key that is no field of any payload, or is treated specially somewhere. */
export function oddKey(random: Random): string {
  const special = ['__proto__', 'constructor', 'prototype', 'toJSON', 'toString', 'length', 'then'];
  return random() < 0.6 ? pick(special, random) : pick(ODD_TEXTS, random)();
}
