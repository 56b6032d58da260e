import { InvalidArgumentError } from 'commander';
import { isIdempotencyKey } from '../../core/idempotency-key.ts';
import { WaybillError } from '../../core/waybill-error.ts';

/** Writes the key of an event, the nth of its input from 1. @throws WaybillError if a field of it is missing */
export type KeyTemplate = (payload: unknown, n: number, type: string) => string;

const PLACEHOLDER = /\{(n|type|\$(?:\.[A-Za-z_]\w*)+)\}/;

/**
 * Reads a template: text in which `{n}` is the number of the event in the input, `{type}` its event type, and
 * `{$.to.identifier}` a field of its payload. The number, not the line: an array may stand in one line.
 *
 * @throws InvalidArgumentError
 */
export function parseKeyTemplate(text: string): KeyTemplate {
  // Every second part stood between braces.
  const parts = text.split(PLACEHOLDER);
  const plain = parts.filter((_, at) => at % 2 === 0).join('');
  if (/[{}]/.test(plain)) {
    throw new InvalidArgumentError(
      'In braces stand {n}, {type}, or a field such as {$.order.client_identifier}; lists have none.',
    );
  }
  if (!isIdempotencyKey(text)) {
    throw new InvalidArgumentError('It is 1 to 255 printable ASCII characters.');
  }
  return (payload, n, type) =>
    parts
      .map((part, at) => {
        if (at % 2 === 0) return part;
        if (part === 'n') return String(n);
        return part === 'type' ? type : fieldOf(payload, part);
      })
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
