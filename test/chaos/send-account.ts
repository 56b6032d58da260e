import type { Answers } from './evidence.ts';

/** A `waybill send --json` process that has ended. */
export interface EndedSend {
  /** The unit of each line that it was given, line 1 first; undefined: an invalid line. */
  readonly lines: readonly (number | undefined)[];
  readonly stdout: string;
  readonly stderr: string;
  readonly killed: boolean;
  /** Whether Redis was disturbed in its life, so that some answers may have been lost. */
  readonly disturbed: boolean;
}

/** What can be said of the units of one `send`; `fault`: it did not do what it should. */
export type SendAccount = Answers & { readonly fault?: string };

const NOTHING: Answers = { accepted: [], refused: [], unknown: [], counted: [] };

/** Finds out from its output what a `send` did with each line. */
export function accountOfSend(send: EndedSend): SendAccount {
  if (send.killed) return accountOfKilled(send);
  const output = parse(send.stdout);
  if (output === undefined) return unclear(send, 'printed no JSON');
  // Redis was away before anything was read.
  if (output.error?.code === 'REDIS_UNAVAILABLE') return { ...NOTHING, refused: unitsOf(send.lines) };
  if (output.error !== undefined) return unclear(send, `failed with ${output.error.code}`);
  const { refused = [], accepted = 0, unknown = 0 } = output;
  const refusedLines = new Set(refused.map(({ line }) => line));
  const lastLine = lastLineOf(send);
  const taken = send.lines.filter((_, at) => at < lastLine && !refusedLines.has(at + 1));
  const others = send.lines.filter((_, at) => at >= lastLine || refusedLines.has(at + 1));
  const units = unitsOf(taken);
  if (units.length !== accepted + unknown) {
    return unclear(send, `counts ${accepted} accepted and ${unknown} unknown of ${units.length}`);
  }
  const rest = { ...NOTHING, refused: unitsOf(others) };
  return unknown === 0 ? { ...rest, accepted: units } : { ...rest, counted: [{ units, accepted }] };
}

/**
 * A killed one told of refused lines as it went: in the order of the input, each once it knew about all lines
 * before it. Those were accepted, unless an answer of Redis was lost.
 */
function accountOfKilled({ lines, stdout, disturbed }: EndedSend): SendAccount {
  // With the comma: the last number may be cut in the middle.
  const refusedLines = new Set([...stdout.matchAll(/\{"line":(\d+),/g)].map(([, line]) => Number(line)));
  const lastTold = Math.max(0, ...refusedLines);
  const told = unitsOf(lines.filter((_, at) => at + 1 < lastTold && !refusedLines.has(at + 1)));
  const later = unitsOf(lines.filter((_, at) => at + 1 > lastTold));
  const refused = unitsOf(lines.filter((_, at) => refusedLines.has(at + 1)));
  if (disturbed) return { ...NOTHING, refused, unknown: [...told, ...later] };
  return { ...NOTHING, refused, accepted: told, unknown: later };
}

function unclear(send: EndedSend, fault: string): SendAccount {
  return {
    ...NOTHING,
    unknown: unitsOf(send.lines),
    fault: `a send ${fault}; stderr: ${send.stderr.trim()}`,
  };
}

/** A `send` that ends early says on stderr after which line nothing was sent. */
function lastLineOf({ stderr, lines }: EndedSend): number {
  const told = /nothing (?:after line ([\d,]+) )?was sent/.exec(stderr);
  if (told === null) return lines.length;
  return told[1] === undefined ? 0 : Number(told[1].replaceAll(',', ''));
}

function unitsOf(lines: readonly (number | undefined)[]): number[] {
  return lines.filter((unit) => unit !== undefined);
}

interface Output {
  readonly refused?: readonly { readonly line: number }[];
  readonly accepted?: number;
  readonly unknown?: number;
  readonly error?: { readonly code: string };
}

function parse(text: string): Output | undefined {
  try {
    return JSON.parse(text) as Output;
  } catch {
    return undefined;
  }
}
