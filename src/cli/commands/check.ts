import type { Command } from 'commander';
import { ConfigError } from '../../config/config-error.ts';
import type { Config } from '../../config/config-schema.ts';
import { loadConfig } from '../../config/load-config.ts';
import { checkClients } from '../check/check-clients.ts';
import { checkCredentials } from '../check/check-credentials.ts';
import { checkRedis } from '../check/check-redis.ts';
import { checkSecretKey } from '../check/check-secret-key.ts';
import { type CheckFinding, clientSubject } from '../check/finding.ts';
import { printFindings } from '../check/print-findings.ts';
import { EXIT } from '../exit-codes.ts';
import { type GlobalOptions, runCommand } from '../run-command.ts';
import type { Terminal } from '../terminal.ts';

/** `waybill check`: says what is wrong with the configuration and with all that it names. */
export function addCheckCommand(program: Command): void {
  program
    .command('check')
    .description('check the configuration, Redis, endpoints and token services; endpoints are sent nothing')
    .action((_options, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      return runCommand(options, async (terminal) => {
        let config: Config;
        try {
          config = loadConfig(options.config);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          report(terminal, describeProblems(error));
          return EXIT.usage;
        }
        return checkAll(terminal, config);
      });
    });
}

async function checkAll(terminal: Terminal, config: Config): Promise<number> {
  const clients = Object.values(config.clients);
  const [redis, ofClients] = await Promise.all([checkRedis(config), checkClients(clients)]);
  const count = `${clients.length} client${clients.length === 1 ? '' : 's'}`;
  const found: CheckFinding[] = [
    { level: 'ok', subject: 'configuration', message: `${config.file} is valid: ${count}` },
    ...redis.findings,
    ...checkSecretKey(config),
    ...checkCredentials(clients),
    ...ofClients,
  ];
  const subjects = ['configuration', 'redis', ...clients.map(({ name }) => clientSubject(name))];
  const findings = subjects.flatMap((subject) => found.filter((finding) => finding.subject === subject));
  report(terminal, findings);
  if (!redis.reachable) return EXIT.redisUnavailable;
  return isOk(findings) ? EXIT.done : EXIT.someFailed;
}

function describeProblems({ file, problems }: ConfigError): CheckFinding[] {
  return problems.map(({ line, path, message }) => {
    const place = line === undefined ? file : `${file} line ${line}`;
    const setting = path === '$' ? 'the file' : path;
    return { level: 'error', subject: 'configuration', message: `${place}: ${setting} ${message}` };
  });
}

function report(terminal: Terminal, findings: readonly CheckFinding[]): void {
  terminal.value({ ok: isOk(findings), findings });
  printFindings(terminal, findings);
}

function isOk(findings: readonly CheckFinding[]): boolean {
  return findings.every(({ level }) => level !== 'error');
}
