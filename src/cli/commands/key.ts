import { type Command, Option } from 'commander';
import { generateKey } from '../../api/keys.ts';
import { API_SCOPES, type ApiScope, httpConfigSchema } from '../../config/http-config.ts';
import { commandAction, EXIT, type GlobalOptions, UsageError } from '../run-command.ts';

type KeyOptions = GlobalOptions & { readonly scope: readonly ApiScope[] };

/** `waybill key <name>`: makes a key of the HTTP API; only its hash goes into the configuration. */
export function addKeyCommand(program: Command): void {
  program
    .command('key')
    .argument('<name>', 'who will use it; stands in the configuration and the log')
    .addOption(
      new Option('--scope <scope...>', 'what it may do: submit events, operate the service')
        .choices([...API_SCOPES])
        .makeOptionMandatory(),
    )
    .description('make a key of the HTTP API; it is shown once')
    .action(
      commandAction(async (terminal, options: KeyOptions, name: string) => {
        const { key, sha256 } = generateKey();
        const scopes = API_SCOPES.filter((scope) => options.scope.includes(scope));
        const valid = httpConfigSchema.safeParse({ keys: [{ name, sha256, scopes }] });
        if (!valid.success) throw new UsageError(`the name of a key ${valid.error.issues[0]?.message}`);
        terminal.value({ name, key, sha256, scopes });
        terminal.verbatim(`The key, which is shown this once and kept nowhere:\n\n  ${key}\n`);
        terminal.line('Requests carry it as "Authorization: Bearer <key>". For the configuration:\n');
        terminal.verbatim(
          `http:\n  keys:\n    - { name: "${name}", sha256: "${sha256}", scopes: [${scopes.join(', ')}] }`,
        );
        return EXIT.done;
      }),
    );
}
