/** How long a key stands for its event, from the moment at which Redis took it. */
export const KEY_LIFETIME_SECONDS = 24 * 60 * 60;
/** As long as a key may be, in characters. */
export const MAX_KEY_LENGTH = 255;

const PRINTABLE_ASCII = /^[\x20-\x7e]+$/;

/** A producer's key for an event: a repeated submission under it is the same event. */
export interface EventKey {
  readonly key: string;
  /** Tells events of another type or payload apart, as far as it is likely to be necessary. */
  readonly fingerprint: string;
}

/** The event that a key stands for. */
export interface KeyHolder {
  /** UUIDv7 */
  readonly id: string;
  readonly fingerprint: string;
}

/** Whether a key may be used: 1 to 255 printable ASCII characters, which arrive as they were sent everywhere. */
export function isIdempotencyKey(key: unknown): key is string {
  return typeof key === 'string' && key.length <= MAX_KEY_LENGTH && PRINTABLE_ASCII.test(key);
}
