import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { testDirectory } from './waybill-process.ts';

const LINTER = fileURLToPath(new URL('../../node_modules/@redocly/cli/bin/cli.js', import.meta.url));

/** What a public linter finds in an OpenAPI document. */
export async function lintOpenApi(
  document: unknown,
): Promise<{ problems: unknown[]; totals: { errors: number; warnings: number } }> {
  const file = join(testDirectory(), 'openapi.json');
  writeFileSync(file, JSON.stringify(document));
  const args = [LINTER, 'lint', '--extends=recommended', '--format=json', file];
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
  // It exits with 1 if it finds something; that stands on stdout all the same.
  const { stdout } = await promisify(execFile)(process.execPath, args, { env }).catch(
    (error: { stdout: string }) => error,
  );
  return JSON.parse(stdout);
}
