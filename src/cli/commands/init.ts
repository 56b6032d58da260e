import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { configTemplate } from '../../config/config-template.ts';
import { commandAction, EXIT, UsageError } from '../run-command.ts';

/** `waybill init`: writes a commented configuration to begin with. */
export function addInitCommand(program: Command): void {
  program
    .command('init')
    .description('write a commented configuration file to begin with')
    .action(
      commandAction(async (terminal, { config }) => {
        const file = resolve(config);
        try {
          writeFileSync(file, configTemplate(), { flag: 'wx' });
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code === 'EEXIST') throw new UsageError(`${file} exists already; it was left as it is`);
          throw new UsageError(`${file} cannot be written (${code})`);
        }
        terminal.value({ file });
        terminal.line(`Wrote ${file}.`);
        terminal.line('Next: edit it, set ACME_CLIENT_SECRET in the environment, then run: waybill check');
        return EXIT.done;
      }),
    );
}
