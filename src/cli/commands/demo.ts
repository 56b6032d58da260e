import type { Command } from 'commander';
import { v7 as uuidv7 } from 'uuid';
import { EVENT_TYPES } from '../../core/event-types.ts';
import { generatePayload } from '../../core/generate-payload.ts';
import { formatCount } from '../../core/quantity-text.ts';
import { seededRandom } from '../../core/random.ts';
import { actOnDeadLetters } from '../../dead-letters/act-on-dead-letters.ts';
import type { SubmitResult } from '../../intake/submit-result.ts';
import { readDeadLetters, replayDeadLetters } from '../../queue/dead-letters.ts';
import { stopSignal } from '../../service/lifecycle.ts';
import { printAccount, type Statuses, takeAccount, watchUntil } from '../demo/demo-view.ts';
import {
  COMPANY_NAMES,
  type CompanyName,
  type DemoWorld,
  openDemoWorld,
  type PerCompany,
  perCompany,
} from '../demo/demo-world.ts';
import { commandAction, EXIT } from '../run-command.ts';
import type { Terminal } from '../terminal.ts';
import { printAttempts } from './dead-letters.ts';

/** How many generated events each company gets, beside the published samples: 2,000 in all. */
const BURST: PerCompany<number> = { healthy: 1_200, 'new-token': 600, outage: 200 };
const REVOKE_AFTER = 100;
const SEED = 42;

/** `waybill demo`: the main job in a minute, with real parts. */
export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('show the main job: deliveries, a renewed token, an outage, dead letters and their replay')
    .action(
      commandAction(async (terminal) => {
        // The Redis of the demo has to end even if its output is no longer read.
        const ended = stopSignal().then((by) => (by === 'SIGPIPE' ? EXIT.done : EXIT.interrupted));
        const world = await openDemoWorld();
        try {
          return await Promise.race([play(world, terminal), ended]);
        } finally {
          await world.close();
        }
      }),
    );
}

async function play(world: DemoWorld, terminal: Terminal): Promise<number> {
  const started = performance.now();
  const { companies } = world;
  const step = (text: string): void => terminal.line(`\n${terminal.style('bold', text)}`);

  step('1. An embedded Redis, the engine, and three companies played by the sandbox');
  await world.startEngine();
  terminal.line(`   healthy    ${companies.healthy.baseUrl}  answers at once`);
  terminal.line(`   new-token  ${companies['new-token'].baseUrl}  voids its token midway`);
  terminal.line(`   outage     ${companies.outage.baseUrl}  is down`);
  await companies.outage.down();
  const revoked = companies['new-token']
    .waitFor(REVOKE_AFTER)
    .then(() => companies['new-token'].revokeTokens());
  // It is awaited later; a failure before that is not unhandled.
  revoked.catch(() => {});

  step('2. A sample of each event type, and 2,000 generated events');
  const submitted = await submitAll(world);
  const expected = perCompany(
    (name) => submitted[name].filter(({ outcome }) => outcome === 'accepted').length,
  );
  const accepted = Object.values(expected).reduce((sum, count) => sum + count);
  terminal.line(`   ${formatCount(accepted)} accepted: Redis has them`);
  const areDelivered = (now: Statuses, names: readonly CompanyName[]): boolean =>
    names.every((name) => now[name].delivered === expected[name]);

  step('3. Delivery; what fails is tried again after 50, 100, 200, 400, 800 ms');
  const isOver = (now: Statuses): boolean =>
    areDelivered(now, ['healthy', 'new-token']) && now.outage.dead === expected.outage;
  const down = await watchUntil(world, terminal, isOver);
  await revoked;
  const tokens = companies['new-token'].tokenRequests.length;
  terminal.line(`   new-token: ${tokens} token requests for ${formatCount(expected['new-token'])} events`);
  await showOneDeadLetter(world, terminal);

  step('4. The company is back; its dead letters are replayed');
  await companies.outage.up();
  const done = await replayAll(world);
  terminal.line(`   ${formatCount(done)} replayed, under their old ids and with all retries again`);
  const after = await watchUntil(world, terminal, (now) => areDelivered(now, COMPANY_NAMES));

  step('5. Every event accounted for');
  const died = perCompany((name) => down[name].dead);
  const account = takeAccount(world, submitted, after, died, (performance.now() - started) / 1_000);
  printAccount(terminal, account);
  terminal.value(account);
  terminal.line(`\n   ${formatCount(account.total.accepted)} accepted, lost ${account.lost}.`);
  terminal.line(NEXT);
  return account.lost === 0 && account.total.deadNow === 0 ? EXIT.done : EXIT.someFailed;
}

async function submitAll(world: DemoWorld): Promise<PerCompany<readonly SubmitResult[]>> {
  const random = seededRandom(SEED);
  const results = perCompany((): SubmitResult[] => []);
  for (const name of COMPANY_NAMES) {
    for (const [place, type] of EVENT_TYPES.entries()) {
      const numbers = Array.from({ length: BURST[name] }, (_, n) => n);
      const own = numbers.filter((n) => n % EVENT_TYPES.length === place);
      const generated = own.map((n) => generatePayload(type, n, random));
      results[name].push(...(await world.intake.submitMany(name, type.name, [type.sample, ...generated])));
    }
  }
  return results;
}

/** @returns how many dead letters were replayed */
async function replayAll({ redis, config }: DemoWorld): Promise<number> {
  const { done } = await actOnDeadLetters(
    (client) => readDeadLetters(redis, client),
    (client, events) => replayDeadLetters(redis, client, uuidv7(), events, Date.now()),
    {
      clients: COMPANY_NAMES,
      filter: {},
      batchSizeOf: (client) => config.clients[client]?.batchSize ?? 1,
    },
  );
  return done;
}

async function showOneDeadLetter(world: DemoWorld, terminal: Terminal): Promise<void> {
  for await (const [event] of readDeadLetters(world.redis, 'outage')) {
    if (event === undefined) return;
    terminal.line(`\n   one of the dead letters, ${event.type} of unit ${event.unit}:`);
    printAttempts(terminal, event);
    terminal.line(`   ${event.response ?? ''}`);
    return;
  }
}

const NEXT = `
Try next (npx waybill, or node dist/src/cli/main.js):
   waybill init --sandbox                    write a configuration to try things out with
   waybill init                              write one to begin with
   waybill check                             see what is wrong with it
   waybill start                             run the service
   waybill send <client> <type> events.json  submit events
   waybill status                            see where they are
   waybill dead-letters list                 see what was given up on`;
