import { InvalidArgumentError } from 'commander';
import { isIdempotencyKey } from '../../core/idempotency-key.ts';
import { WaybillError } from '../../core/waybill-error.ts';

/** Writes the key of an event, the nth of its input from 1. @throws WaybillError if a field of it is missing */
export type KeyTemplate = (payload: unknown, n: number) => string;

const PLACEHOLDER = /\{(n|\$(?:\.[A-Za-z_]\w*)+)\}/;

/**
 * Reads a template: text in which `{n}` is the number of the event in the input, and `{$.to.identifier}` a field
 * of its payload. The number, not the line: an array may stand in one line.
 *
 * @throws InvalidArgumentError
 */
export function parseKeyTemplate(text: string): KeyTemplate {
  // Every second part stood between braces.
  const parts = text.split(PLACEHOLDER);
  const plain = parts.filter((_, at) => at % 2 === 0).join('');
  if (/[{}]/.test(plain)) {
    throw new InvalidArgumentError('In braces stand {n}, or a field such as {$.optiturn_lp}.');
  }
  if (!isIdempotencyKey(text)) {
    throw new InvalidArgumentError('It is 1 to 255 printable ASCII characters.');
  }
  return (payload, n) =>
    parts
      .map((part, at) => (at % 2 === 0 ? part : part === 'n' ? String(n) : fieldOf(payload, part)))
      .join('');
}

function fieldOf(payload: unknown, path: string): string {
  let value = payload;
  for (const name of path.split('.').slice(1)) {
    const isThere = typeof value === 'object' && value !== null && Object.hasOwn(value, name);
    value = isThere ? (value as Record<string, unknown>)[name] : undefined;
  }
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  const found = value === undefined ? 'missing' : 'neither a text nor a number';
  throw new WaybillError('IDEMPOTENCY_KEY_INVALID', `${path}, which it is made of, is ${found}`);
}
