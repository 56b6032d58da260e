import { WaybillError } from '../core/waybill-error.ts';
import type { ConfigProblem } from './config-problem.ts';

/** Problems that the error's own text names. */
const SHOWN = 100;

/** A configuration file cannot be used: names the file and everything that is wrong with it. */
export class ConfigError extends WaybillError {
  readonly file: string;
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[], options?: ErrorOptions) {
    const lines = problems.slice(0, SHOWN).map((problem) => `\n  ${describeProblem(problem)}`);
    if (problems.length > SHOWN) lines.push(`\n  … and ${problems.length - SHOWN} more`);
    const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
    super('CONFIG_INVALID', `configuration file ${file} has ${count}:${lines.join('')}`, options);
    this.name = 'ConfigError';
    this.file = file;
    this.problems = problems;
  }
}

function describeProblem({ line, path, message }: ConfigProblem): string {
  const place = line === undefined ? '' : `line ${line}: `;
  return path === '$' ? `${place}the file ${message}` : `${place}${path} ${message}`;
}
