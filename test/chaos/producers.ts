import { setTimeout as pause } from 'node:timers/promises';
import type { Producer } from '../../src/service/producer.ts';
import type { Answers } from './evidence.ts';
import { payloadOf, TYPE } from './fates.ts';
import type { Launcher, WaybillProcess } from './processes.ts';
import { accountOfSend, type EndedSend } from './send-account.ts';

/** Lines of a chunk; behind them comes an invalid one, which makes `send` tell how far it is. */
const LINES_A_CHUNK = 15;
const MOST_CHUNKS = 15;
const CHUNK_EVERY_MS = 100;
const EVENTS_A_TICK = 10;

/** What all producers of a run have in common. */
export interface ProducerParts {
  readonly client: string;
  /** Numbers of units that nobody has used yet. */
  nextUnit(): number;
  stopping(): boolean;
}

/** A `send` that runs. */
export interface RunningSend {
  readonly process: WaybillProcess;
  /** Ends it on the spot. */
  kill(): void;
}

/** Sends of the command line, one after another. */
export interface SendLane {
  /** The present one, once it has told of some events; undefined between two. */
  current(): RunningSend | undefined;
  /** Resolves when it has stopped, with what became of all events; and what went wrong. */
  readonly done: Promise<{ readonly answers: readonly Answers[]; readonly faults: readonly string[] }>;
}

/** Runs one `waybill send` after another until it is to stop; `disturbed`: whether Redis was, since a time. */
export function runSends(
  parts: ProducerParts & { readonly launcher: Launcher; disturbed(since: number): boolean },
): SendLane {
  let current: RunningSend | undefined;

  async function one(): Promise<EndedSend> {
    const since = Date.now();
    const send = parts.launcher.start(['send', parts.client, TYPE, '-', '--json']);
    let over = false;
    let killed = false;
    const ended = send.ended.finally(() => {
      over = true;
    });
    current = {
      process: send,
      kill() {
        killed = !over;
        send.signal('SIGKILL');
      },
    };
    const lines: (number | undefined)[] = [];
    for (let chunk = 0; chunk < MOST_CHUNKS && !over && !parts.stopping(); chunk += 1) {
      const units = Array.from({ length: LINES_A_CHUNK }, () => parts.nextUnit());
      lines.push(...units, undefined);
      await send.write(`${units.map((unit) => JSON.stringify(payloadOf(unit))).join('\n')}\n{}\n`);
      await Promise.race([pause(CHUNK_EVERY_MS), ended]);
    }
    send.endInput();
    await ended;
    current = undefined;
    const { stdout, stderr } = send;
    return { lines, stdout, stderr, killed, disturbed: parts.disturbed(since) };
  }

  async function all() {
    const answers: Answers[] = [];
    const faults: string[] = [];
    while (!parts.stopping()) {
      const account = accountOfSend(await one());
      answers.push(account);
      if (account.fault !== undefined) faults.push(account.fault);
    }
    return { answers, faults };
  }

  return { current: () => (current?.process.stdout ? current : undefined), done: all() };
}

/** Submits events through the library until it is to stop; resolves with what became of all of them. */
export async function submitSteadily(parts: ProducerParts, producer: Producer): Promise<Answers> {
  const accepted: number[] = [];
  const refused: number[] = [];
  const unknown: number[] = [];
  const into = { accepted, refused, unknown };
  const underWay: Promise<void>[] = [];
  while (!parts.stopping()) {
    const units = Array.from({ length: EVENTS_A_TICK }, () => parts.nextUnit());
    const submitted = producer.submitMany(parts.client, TYPE, units.map(payloadOf)).then((results) => {
      for (const [at, { outcome }] of results.entries()) into[outcome].push(units[at] ?? -1);
    });
    underWay.push(submitted);
    await pause(CHUNK_EVERY_MS);
  }
  await Promise.all(underWay);
  return { accepted, refused, unknown, counted: [] };
}
