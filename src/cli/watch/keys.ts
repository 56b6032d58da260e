import type { ReadStream } from 'node:tty';

/** Ctrl-C and Ctrl-D: while keys are read one by one, the terminal makes no signals of them. */
const ENDING_KEYS = ['q', 'Q', '\u0003', '\u0004'];

/**
 * Calls back when a key is pressed that ends a watch. Does nothing where the input is no terminal.
 *
 * @returns gives the keyboard back
 */
export function onEndingKey(input: ReadStream, end: () => void): () => void {
  if (input.isTTY !== true) return () => {};
  const onData = (keys: Buffer): void => {
    if (ENDING_KEYS.some((key) => keys.includes(key))) end();
  };
  input.setRawMode(true);
  input.on('data', onData);
  return () => {
    input.off('data', onData);
    input.setRawMode(false);
    // It would keep the process going.
    input.pause();
  };
}
