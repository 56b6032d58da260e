import type { Command } from 'commander';
import { ConfigError, describeProblem } from '../../config/config-error.ts';
import type { Config, ResolvedClient } from '../../config/config-schema.ts';
import { findChannelDoubts, findCredentialDoubts } from '../../config/credential-doubts.ts';
import { loadConfig } from '../../config/load-config.ts';
import { describeCertificates } from '../check/check-certificates.ts';
import { checkClient, createResolveHost, describeDoubts } from '../check/check-client.ts';
import { checkRedis, checkSecretKey } from '../check/check-redis.ts';
import { about, type CheckFinding, clientSubject, printFindings, remark } from '../check/finding.ts';
import { commandAction, EXIT } from '../run-command.ts';
import type { Terminal } from '../terminal.ts';

/** The system resolves few names at a time. */
const CLIENTS_AT_ONCE = 16;
const CLIENTS_TOTAL_MS = 60_000;

/** `waybill check`: says what is wrong with the configuration and with all that it names. */
export function addCheckCommand(program: Command): void {
  program
    .command('check')
    .description('check the configuration, Redis, endpoints and token services; endpoints are sent nothing')
    .action(
      commandAction(async (terminal, options) => {
        let config: Config;
        try {
          config = loadConfig(options.config);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          report(terminal, describeProblems(error));
          return EXIT.usage;
        }
        return checkAll(terminal, config);
      }),
    );
}

async function checkAll(terminal: Terminal, config: Config): Promise<number> {
  const clients = Object.values(config.clients);
  const now = Date.now();
  const [redis, ofClients] = await Promise.all([checkRedis(config), checkClients(clients)]);
  const count = `${clients.length} client${clients.length === 1 ? '' : 's'}`;
  const found: CheckFinding[] = [
    ...about('configuration', [
      remark('ok', `${config.file} is valid: ${count}`),
      ...describeDoubts(findChannelDoubts(config.incidents.notify)),
    ]),
    ...redis.findings,
    ...about('redis', checkSecretKey(config)),
    ...clients.flatMap((client) =>
      about(clientSubject(client.name), [
        ...describeDoubts(findCredentialDoubts(client.auth)),
        ...describeCertificates(client, config.directory, now),
      ]),
    ),
    ...ofClients,
  ];
  const subjects = ['configuration', 'redis', ...clients.map(({ name }) => clientSubject(name))];
  const findings = subjects.flatMap((subject) => found.filter((finding) => finding.subject === subject));
  report(terminal, findings);
  if (!redis.reachable) return EXIT.redisUnavailable;
  return isOk(findings) ? EXIT.done : EXIT.someFailed;
}

/** Checks all clients, within a minute; a client that it does not come to has a warning. */
async function checkClients(clients: readonly ResolvedClient[]): Promise<CheckFinding[]> {
  const resolveHost = createResolveHost();
  const deadline = performance.now() + CLIENTS_TOTAL_MS;
  const seconds = CLIENTS_TOTAL_MS / 1_000;
  const late = remark('warning', `was not checked: the clients before it took ${seconds} s`);
  const results: CheckFinding[][] = [];
  const waiting = clients.entries();
  async function work(): Promise<void> {
    for (const [index, client] of waiting) {
      const isLate = performance.now() >= deadline;
      const remarks = isLate ? [late] : await checkClient(client, resolveHost);
      results[index] = about(clientSubject(client.name), remarks);
    }
  }
  await Promise.all(Array.from({ length: CLIENTS_AT_ONCE }, work));
  return results.flat();
}

function describeProblems({ file, problems }: ConfigError): CheckFinding[] {
  const remarks = problems.map((problem) => {
    const place = problem.line === undefined ? `${file}:` : file;
    return remark('error', `${place} ${describeProblem(problem)}`);
  });
  return about('configuration', remarks);
}

function report(terminal: Terminal, findings: readonly CheckFinding[]): void {
  terminal.value({ ok: isOk(findings), findings });
  printFindings(terminal, findings);
}

function isOk(findings: readonly CheckFinding[]): boolean {
  return findings.every(({ level }) => level !== 'error');
}
