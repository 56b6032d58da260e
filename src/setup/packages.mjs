import { isOnPath, run, say } from './shell.mjs';

const APT_OPTIONS = ['-qq', '-o', 'DPkg::Lock::Timeout=120'];
/** Tried in turn; `refresh` runs where the first try fails, as it does with package lists that are old or absent. */
const PACKAGE_MANAGERS = [
  {
    command: 'apt-get',
    install: [...APT_OPTIONS, 'install', '-y', '--no-install-recommends'],
    refresh: [...APT_OPTIONS, 'update'],
    byHand: 'sudo apt-get install',
  },
  { command: 'dnf', install: ['install', '-y', '-q'], byHand: 'sudo dnf install' },
  { command: 'apk', install: ['add', '--no-cache'], byHand: 'sudo apk add' },
  { command: 'brew', install: ['install', '--quiet'], byHand: 'brew install', asUser: true },
];

/** The words to put before a package manager's command, or undefined where it may not be used. */
function privilege(manager) {
  if (manager.asUser === true || process.getuid?.() === 0) return [];
  if (isOnPath('sudo') && run('sudo', ['-n', 'true']).ok) return ['sudo', '-n'];
  return undefined;
}

/** Uses one package manager; returns what went wrong, or undefined. */
function installWith(manager, prefix, { command: wanted, packages }) {
  say(`${wanted} is missing: installing it with ${manager.command}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive', HOMEBREW_NO_AUTO_UPDATE: '1', NONINTERACTIVE: '1' };
  // sudo clears the environment, so what apt-get has to know travels as an argument.
  const words = prefix.length > 0 ? [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive'] : [];
  const use = (args) => {
    const [command, ...rest] = [...words, manager.command, ...args];
    return run(command, rest, env);
  };
  const install = [...manager.install, packages[manager.command]];
  let result = use(install);
  if (!result.ok && manager.refresh) {
    use(manager.refresh);
    result = use(install);
  }
  if (isOnPath(wanted)) return undefined;
  process.stderr.write(result.output);
  return `${manager.command} ${result.how}`;
}

/**
 * Installs what brings a command by the machine's package manager.
 *
 * @param {{ command: string, packages: Record<string, string> }} wanted the package's name by package manager
 * @returns {{ why: string, byHand: string | undefined } | undefined} undefined: the command is there; otherwise why it
 *   could not be installed, and how to do it by hand if there is a package manager for it
 */
export function installCommand(wanted) {
  if (isOnPath(wanted.command)) return undefined;
  const { packages } = wanted;
  const present = PACKAGE_MANAGERS.filter(({ command }) => packages[command] && isOnPath(command));
  const failures = [];
  for (const manager of present) {
    const prefix = privilege(manager);
    const failure = prefix
      ? installWith(manager, prefix, wanted)
      : `${manager.command} needs root, or sudo without a password`;
    if (failure === undefined) return undefined;
    failures.push(failure);
  }
  const [first] = present;
  const why = failures.length > 0 ? ` and could not be installed (${failures.join('; ')})` : '';
  return { why, byHand: first && `${first.byHand} ${packages[first.command]}` };
}
