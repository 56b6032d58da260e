import { resolve } from 'node:path';
import type { z } from 'zod';
import { checkTree } from '../../config/check-config.ts';
import type { ConfigProblem } from '../../config/config-error.ts';
import { readTextFile } from '../../config/read-text-file.ts';
import { readYaml } from '../../config/read-yaml.ts';
import { toJsonPath } from '../../core/problem.ts';
import { type SandboxScript, sandboxScriptSchema } from '../../sandbox/sandbox-script.ts';
import { UsageError } from '../run-command.ts';

const MAX_BYTES = 8 * 1024 * 1024;

/** A script that cannot be played: everything that is wrong with it, at once. */
export class SandboxScriptError extends UsageError {
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ line, path, message }) => {
      const place = line === undefined ? '' : `line ${line}: `;
      return `\n  ${place}${path === '$' ? 'the file' : path} ${message}`;
    });
    const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
    super(`script ${file} has ${count}:${lines.join('')}`);
    this.name = 'SandboxScriptError';
    this.problems = problems;
  }
}

/** Reads a script from a file; without one, the script that says nothing. @throws SandboxScriptError */
export function readScript(file: string | undefined): SandboxScript {
  if (file === undefined) return parseScript('{}', 'none');
  const read = readTextFile(file, MAX_BYTES);
  if (!read.ok) throw new SandboxScriptError(resolve(file), [{ path: '$', message: read.message }]);
  return parseScript(read.text, resolve(file));
}

/** As `readScript`, for a text that is taken to stand in `file`. @throws SandboxScriptError */
export function parseScript(text: string, file: string): SandboxScript {
  const yaml = readYaml(text);
  if (!yaml.ok) throw new SandboxScriptError(file, yaml.problems);
  const { tree } = yaml;
  const checked = checkTree<z.ZodType<SandboxScript>>(sandboxScriptSchema, tree.value ?? {});
  const issues = checked.ok ? tree.issues : [...tree.issues, ...checked.issues];
  if (checked.ok && issues.length === 0) return checked.value;
  const problems = issues.map(({ keys, message }): ConfigProblem => {
    const line = tree.lineOf(keys);
    return { path: toJsonPath(keys), message, ...(line === undefined ? {} : { line }) };
  });
  throw new SandboxScriptError(
    file,
    problems.sort((one, other) => (one.line ?? 0) - (other.line ?? 0)),
  );
}
