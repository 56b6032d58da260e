import type { Problem } from '../core/problem.ts';
import { WaybillError } from '../core/waybill-error.ts';

/** One thing that is wrong with a configuration, before its place is written as a path and a line. */
export interface ConfigIssue {
  /** The keys and indexes that lead to it from the top of the file. */
  readonly keys: readonly PropertyKey[];
  /** A sentence without its subject, such as `is required`; never holds a value that may be a secret. */
  readonly message: string;
  /** What is to be mended, if it is not this place: names a variable or a file. */
  readonly cause?: string;
}

/** One thing that is wrong with a configuration file; `line` counts from 1, absent: it is not in one place. */
export interface ConfigProblem extends Problem {
  readonly line?: number;
}

/** Where an issue is, as a text that can be compared. */
export function placeOf(keys: readonly PropertyKey[]): string {
  return JSON.stringify(keys);
}

/** Problems that the error's own text names. */
const SHOWN = 100;

/** A configuration cannot be used: names its file and everything that is wrong with it. */
export class ConfigError extends WaybillError {
  /** Empty: it was given as an object. */
  readonly file: string;
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[], options?: ErrorOptions) {
    const lines = problems.slice(0, SHOWN).map((problem) => `\n  ${describeProblem(problem)}`);
    if (problems.length > SHOWN) lines.push(`\n  … and ${problems.length - SHOWN} more`);
    const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
    const subject = file === '' ? 'the configuration object' : `configuration file ${file}`;
    super('CONFIG_INVALID', `${subject} has ${count}:${lines.join('')}`, options);
    this.name = 'ConfigError';
    this.file = file;
    this.problems = problems;
  }
}

/** A problem with its place, in one line. */
export function describeProblem({ line, path, message }: ConfigProblem): string {
  const place = line === undefined ? '' : `line ${line}: `;
  return path === '$' ? `${place}the file ${message}` : `${place}${path} ${message}`;
}
