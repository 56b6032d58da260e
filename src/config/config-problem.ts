import type { Problem } from '../core/problem.ts';

/** One thing that is wrong with a configuration, before its place is written as a path and a line. */
export interface ConfigIssue {
  /** The keys and indexes that lead to it from the top of the file. */
  readonly keys: readonly PropertyKey[];
  /** A sentence without its subject, such as `is required`; never holds a value that may be a secret. */
  readonly message: string;
}

/** One thing that is wrong with a configuration file; `line` counts from 1, absent: it is not in one place. */
export interface ConfigProblem extends Problem {
  readonly line?: number;
}
