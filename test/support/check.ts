import { runWaybill, type WaybillOptions } from './waybill-process.ts';

interface Finding {
  readonly level: string;
  readonly subject: string;
  readonly message: string;
  readonly class?: string;
}

/** Runs `waybill check --json`; findings as `level subject: message`. */
export async function check(options: WaybillOptions) {
  const { code, stdout } = await runWaybill(['check', '--json'], options);
  const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: Finding[] };
  const lines = findings.map(({ level, subject, message }) => `${level} ${subject}: ${message}`);
  return { code, ok, findings, lines, bad: lines.filter((line) => /^(error|warning)/.test(line)) };
}
