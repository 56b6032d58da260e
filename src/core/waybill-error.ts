/**
 * The base of every error that Waybill throws. `code` is stable and documented in src/docs/errors.md;
 * `message` is a sentence: what happened, to which thing, what was expected, what was found.
 */
export class WaybillError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'WaybillError';
    this.code = code;
  }
}
