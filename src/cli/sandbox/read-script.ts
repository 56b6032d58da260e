import { resolve } from 'node:path';
import type { z } from 'zod';
import { checkTree } from '../../config/check-config.ts';
import { type ConfigProblem, describeProblem } from '../../config/config-error.ts';
import { readTextFile } from '../../config/read-text-file.ts';
import { readYaml } from '../../config/read-yaml.ts';
import { type SandboxScript, sandboxScriptSchema } from '../../sandbox/sandbox-script.ts';
import { UsageError } from '../run-command.ts';

const MAX_BYTES = 8 * 1024 * 1024;

/** Reads a script from a file; without one, the script that says nothing. @throws UsageError with all `problems` */
export function readScript(file: string | undefined): SandboxScript {
  if (file === undefined) return parseScript('{}', 'none');
  const read = readTextFile(file, MAX_BYTES);
  if (!read.ok) throw scriptError(resolve(file), [{ path: '$', message: read.message }]);
  return parseScript(read.text, resolve(file));
}

/** As `readScript`, for a text that is taken to stand in `file`. @throws UsageError with all `problems` */
export function parseScript(text: string, file: string): SandboxScript {
  const yaml = readYaml(text);
  if (!yaml.ok) throw scriptError(file, yaml.problems);
  const { tree } = yaml;
  const checked = checkTree<z.ZodType<SandboxScript>>(sandboxScriptSchema, tree.value ?? {});
  const issues = [...tree.issues, ...checked.issues];
  if (checked.value !== undefined && issues.length === 0) return checked.value;
  throw scriptError(file, tree.toProblems(issues));
}

function scriptError(file: string, problems: readonly ConfigProblem[]): UsageError {
  const lines = problems.map((problem) => `\n  ${describeProblem(problem)}`);
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return Object.assign(new UsageError(`script ${file} has ${count}:${lines.join('')}`), { problems });
}
