import { type Command, Option } from 'commander';
import { generateKey } from '../../api/keys.ts';
import { API_SCOPES, type ApiScope, httpConfigSchema } from '../../config/http-config.ts';
import { readConfigText } from '../../config/load-config.ts';
import { type KeyPlace, keyNames, placeKey } from '../../config/place-key.ts';
import { commandAction, EXIT, type GlobalOptions, UsageError } from '../run-command.ts';
import type { Terminal } from '../terminal.ts';

interface KeyOptions extends GlobalOptions {
  readonly scope: readonly ApiScope[];
  readonly client?: readonly string[];
}

/** `waybill key <name>`: makes a key of the HTTP API; only its hash goes into the configuration. */
export function addKeyCommand(program: Command): void {
  program
    .command('key')
    .argument('<name>', 'who will use it; stands in the configuration and the log')
    .addOption(
      new Option(
        '--scope <scope...>',
        'what it may do: submit events, read all there is, operate the service',
      )
        .choices([...API_SCOPES])
        .makeOptionMandatory(),
    )
    .option('--client <name...>', 'the clients that it is for; default: all')
    .description('make a key of the HTTP API; it is shown once')
    .action(
      commandAction(async (terminal, options: KeyOptions, name: string) => {
        const { key, sha256 } = generateKey();
        const scopes = API_SCOPES.filter((scope) => options.scope.includes(scope));
        const clients = options.client === undefined ? undefined : [...new Set(options.client)];
        const entry = { name, sha256, scopes, ...(clients && { clients }) };
        refuseInvalid(entry);
        const text = textOf(options.config);
        if (keyNames(text).includes(name)) {
          throw new UsageError(`${options.config} has a key "${name}" already: choose another name`);
        }
        terminal.value({ key, ...entry });
        tellKey(terminal, key, options.config, placeKey(text, entry));
        return EXIT.done;
      }),
    );
}

function tellKey(terminal: Terminal, key: string, file: string, { where, lines }: KeyPlace): void {
  terminal.verbatim(`The key, which is shown this once and kept nowhere:\n\n  ${key}\n`);
  terminal.line('Requests carry it as "Authorization: Bearer <key>".');
  const place = where === undefined ? 'For the configuration' : `For ${file}, ${where}`;
  terminal.verbatim(`${place}:\n\n${lines}`);
  if (where !== undefined) terminal.line('\nA running service takes it by SIGHUP.');
}

/** The configuration as it stands; empty: it cannot be read. */
function textOf(file: string): string {
  try {
    return readConfigText(file);
  } catch {
    return '';
  }
}

/** @throws UsageError */
function refuseInvalid(key: object): void {
  const { error } = httpConfigSchema.safeParse({ keys: [key] });
  const [issue] = error?.issues ?? [];
  if (issue === undefined) return;
  const what = issue.path.includes('clients') ? 'a name after --client' : 'the name of a key';
  throw new UsageError(`${what} ${issue.message}`);
}
