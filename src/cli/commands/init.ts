import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { configTemplate } from '../../config/config-template.ts';
import { sandboxConfig } from '../../config/sandbox-config.ts';
import { commandAction, EXIT, type GlobalOptions, UsageError } from '../run-command.ts';

interface InitOptions extends GlobalOptions {
  readonly sandbox?: boolean;
}

const NEXT = 'Next: edit it, set ACME_CLIENT_SECRET in the environment, then run: waybill check';
const NEXT_WITH_SANDBOX = `Next, the first two in the background or in terminals of their own:
  waybill sandbox --show bodies
  waybill start
  waybill send sandbox disposition_update --sample`;

/** `waybill init [--sandbox]`: writes a configuration to begin with. */
export function addInitCommand(program: Command): void {
  program
    .command('init')
    .description('write a commented configuration file to begin with')
    .option('--sandbox', 'a short one, whose client is played by "waybill sandbox"')
    .action(
      commandAction(async (terminal, { config, sandbox }: InitOptions) => {
        const file = resolve(config);
        try {
          writeFileSync(file, sandbox ? sandboxConfig() : configTemplate(), { flag: 'wx' });
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code === 'EEXIST') throw new UsageError(`${file} exists already; it was left as it is`);
          throw new UsageError(`${file} cannot be written (${code})`);
        }
        terminal.value({ file });
        terminal.line(`Wrote ${file}.`);
        terminal.line(sandbox ? NEXT_WITH_SANDBOX : NEXT);
        return EXIT.done;
      }),
    );
}
