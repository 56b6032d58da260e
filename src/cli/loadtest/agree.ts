import type { ReportPlan } from '../../loadtest/load-report.ts';
import { showRate } from '../../loadtest/quantities.ts';
import { confirm } from '../confirm.ts';
import { EXIT } from '../exit-codes.ts';
import { UsageError } from '../run-command.ts';
import { formatCount, formatDuration, type Terminal } from '../terminal.ts';
import type { LoadOptions } from './load-options.ts';
import type { Prepared } from './prepare.ts';
import { describeTarget } from './target.ts';

/** What is about to be sent. */
export interface Intent {
  readonly plan: ReportPlan;
  readonly highestRate: number;
  /** Exactly, or at most. */
  readonly total: number;
  readonly atMost: boolean;
  readonly durationMs: number;
}

/**
 * Shows what would be sent, or asks whether to send it.
 *
 * @returns undefined: go ahead; else the exit code
 * @throws UsageError where nobody can be asked
 */
export async function agree(
  terminal: Terminal,
  prepared: Prepared,
  intent: Intent,
  options: LoadOptions,
): Promise<number | undefined> {
  const sentence = describe(prepared, intent);
  if (options.dryRun === true) {
    const sample = prepared.payloads.next().body;
    const target = describeTarget(prepared.target);
    const { plan, total, durationMs } = intent;
    terminal.value({ dryRun: true, target, plan, total, durationMs, sample: JSON.parse(sample) });
    terminal.line(`Would send ${sentence}`);
    terminal.line(`objectives: ${plan.objectives.join(', ')}; payloads ${plan.payloads}, such as`);
    terminal.line(sample);
    return EXIT.done;
  }
  if (options.yes === true) return undefined;
  const agreed = await confirm(`Send ${sentence}?`);
  if (agreed === undefined) {
    throw new UsageError(`--yes is needed to send ${sentence} without a terminal`);
  }
  if (agreed) return undefined;
  terminal.value({ sent: 0 });
  terminal.line('Nothing was sent.');
  return EXIT.done;
}

function describe({ target }: Prepared, { highestRate, total, atMost, durationMs }: Intent): string {
  const { client, types, urls } = describeTarget(target);
  const count = `${atMost ? 'at most ' : ''}${formatCount(total)} events`;
  const time = `${atMost ? 'within' : 'over'} ${formatDuration(durationMs)}`;
  const where = `${new URL(urls[0] ?? '').host} (${client}, ${types.join(' and ')})`;
  return `${count} at up to ${showRate(highestRate)}, ${time}, to ${where}`;
}
