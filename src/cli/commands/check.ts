import type { Command } from 'commander';
import { describeDoubts } from '../../check/check-client.ts';
import { checkClients } from '../../check/check-clients.ts';
import { checkInstalled, checkRedis, checkSecretKey } from '../../check/check-redis.ts';
import { about, type CheckFinding, clientSubject, inOrder, isOk, remark } from '../../check/finding.ts';
import { ConfigError, describeProblem } from '../../config/config-error.ts';
import type { Config, ResolvedClient } from '../../config/config-schema.ts';
import { findChannelDoubts } from '../../config/credential-doubts.ts';
import { loadConfig } from '../../config/load-config.ts';
import { formatCount } from '../../core/quantity-text.ts';
import { WaybillError } from '../../core/waybill-error.ts';
import { isNotAnswered, unavailable } from '../../queue/connections.ts';
import { printFindings } from '../check/print-findings.ts';
import { findClients, openOperator } from '../open-operator.ts';
import { withProgress } from '../progress.ts';
import { commandAction, EXIT, type GlobalOptions, UsageError } from '../run-command.ts';
import { confirm, type Terminal } from '../terminal.ts';

interface CheckOptions extends GlobalOptions {
  readonly send?: boolean;
  readonly yes?: boolean;
}

/** `waybill check [client]`: says what is wrong with the configuration and with all that it names. */
export function addCheckCommand(program: Command): void {
  program
    .command('check')
    .argument('[client]', 'one client; default: all')
    .description(
      'check the configuration, Redis, endpoints and token services; without --send endpoints are sent nothing',
    )
    .option('--send', 'deliver one sample event to each endpoint, not through the queue')
    .option('--yes', 'do not ask before --send')
    .action(
      commandAction(async (terminal, options: CheckOptions, name?: string) => {
        let config: Config;
        try {
          config = loadConfig(options.config);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          report(terminal, describeProblems(error));
          return EXIT.usage;
        }
        const clients = findClients(config, name);
        const maySend = options.send === true && (await agree(terminal, clients, options.yes === true));
        return checkAll(terminal, config, clients, maySend);
      }),
    );
}

/** @throws UsageError if there is nobody to ask */
async function agree(
  terminal: Terminal,
  clients: readonly ResolvedClient[],
  isAgreed: boolean,
): Promise<boolean> {
  if (isAgreed) return true;
  const endpoints = clients.reduce((sum, client) => sum + Object.keys(client.endpoints).length, 0);
  const [first] = clients;
  const of = clients.length === 1 ? first?.name : `${formatCount(clients.length)} clients`;
  const what = `one sample event to each of ${formatCount(endpoints)} endpoints of ${of}`;
  const agreed = await confirm(`Send ${what}?`);
  if (agreed === undefined) throw new UsageError(`--yes is needed to send ${what} without a terminal`);
  if (!agreed) terminal.note('Nothing is sent.');
  return agreed;
}

async function checkAll(
  terminal: Terminal,
  config: Config,
  clients: readonly ResolvedClient[],
  maySend: boolean,
): Promise<number> {
  const [redis, ofClients] = await Promise.all([
    askRedis(config),
    withProgress('clients checked', clients.length, (onChecked) =>
      checkClients(clients, config.directory, { onChecked }),
    ),
  ]);
  const sent = maySend ? await sendAll(config, clients, ofClients) : undefined;
  const all = Object.keys(config.clients).length;
  const found: CheckFinding[] = [
    ...about('configuration', [
      remark('ok', `${config.file} is valid: ${all} client${all === 1 ? '' : 's'}`),
      ...describeDoubts(findChannelDoubts(config)),
    ]),
    ...redis.findings,
    ...about('redis', checkSecretKey(config)),
    ...ofClients,
    ...(sent?.findings ?? []),
  ];
  const findings = inOrder(found, clients);
  report(terminal, findings, sent?.samples);
  if (!redis.reachable) return EXIT.redisUnavailable;
  return isOk(findings) ? EXIT.done : EXIT.someFailed;
}

/**
 * Checks the configured Redis and its contents, or the embedded one, which is not started for it. Never rejects.
 * `reachable` is false if it should answer and does not; an embedded one that does not run is no fault.
 */
async function askRedis(config: Config): Promise<{ findings: CheckFinding[]; reachable: boolean }> {
  try {
    const operator = await openOperator(config.file);
    try {
      return { findings: await checkRedis(operator.redis, config), reachable: true };
    } catch (error) {
      throw isNotAnswered(error) ? unavailable(operator.redis, error) : error;
    } finally {
      await operator.close();
    }
  } catch (error) {
    if (error instanceof WaybillError && error.code === 'REDIS_NOT_RUNNING') {
      return { findings: about('redis', [await checkInstalled()]), reachable: true };
    }
    const message = error instanceof WaybillError ? error.message : `asking Redis failed: ${String(error)}`;
    return { findings: about('redis', [remark('error', message)]), reachable: false };
  }
}

/** Only this needs what makes deliveries. */
async function sendAll(config: Config, clients: readonly ResolvedClient[], checked: readonly CheckFinding[]) {
  const { sendToClients } = await import('../check/check-send.ts');
  const failed = new Set(checked.flatMap(({ level, subject }) => (level === 'error' ? subject : [])));
  return sendToClients(config, clients, (name) => failed.has(clientSubject(name)));
}

function describeProblems({ file, problems }: ConfigError): CheckFinding[] {
  const remarks = problems.map((problem) => {
    const place = problem.line === undefined ? `${file}:` : file;
    return remark('error', `${place} ${describeProblem(problem)}`);
  });
  return about('configuration', remarks);
}

function report(terminal: Terminal, findings: readonly CheckFinding[], samples?: readonly unknown[]): void {
  terminal.value({ ok: isOk(findings), findings, ...(samples && { samples }) });
  printFindings(terminal, findings);
}
