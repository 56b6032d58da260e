import { parseArgs } from 'node:util';
import { MEASURES } from './all/measures.ts';
import type { AllOptions } from './all/run-all.ts';
import { SENDERS, type SenderName } from './contenders.ts';
import { UNDICI_APIS, type UndiciApi } from './protocol.ts';
import { RECEIVER_KINDS, type ReceiverKind } from './receiver-servers.ts';

/** What the command line asks for. */
export interface Options {
  /** Each in processes of its own. */
  readonly blocks: number;
  /** In each block. */
  readonly rounds: number;
  /** The length of a turn. */
  readonly seconds: number;
  readonly json: boolean;
  /** What plays the client's endpoint. */
  readonly receiver: ReceiverKind;
  /** How bare undici is called. */
  readonly undici: UndiciApi;
  /** Profile this contender, instead of measuring all. */
  readonly profile: SenderName | undefined;
  /** Measure what the load tester's generator can offer, instead of the rest. */
  readonly loadtest: boolean;
  /** Where to write the profile, as a file that browsers' developer tools open. */
  readonly save: string | undefined;
  /** Measure the other targets of the design instead. */
  readonly all: AllOptions | undefined;
}

export const USAGE = `npm run bench -- [--blocks N] [--rounds N] [--seconds S] [--json]
    [--receiver node|bare] [--undici request|dispatch]
npm run bench -- --loadtest [--rounds N] [--seconds S] [--json]
npm run bench -- --profile [--only undici|bullmq|waybill|receiver|loadtest] [--receiver node|bare]
    [--seconds S] [--save FILE.cpuprofile]
npm run bench -- --all [--scale S] [--json]
npm run bench -- --measure ${Object.keys(MEASURES).join('|')} [--scale S] [--json]
`;

/** Of nine, one may lie far off on either side and the interval holds all the same. */
const BLOCKS = 9;
const ROUNDS = 3;
const TURN_SECONDS = 0.5;
const PROFILE_SECONDS = 10;

/** Reads the command line. @throws Error, in a sentence, where it asks for what there is not */
export function readOptions(words: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...words],
    options: {
      blocks: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      json: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      loadtest: { type: 'boolean', default: false },
      receiver: { type: 'string', default: 'node' },
      undici: { type: 'string', default: 'request' },
      only: { type: 'string', default: 'waybill' },
      save: { type: 'string' },
      all: { type: 'boolean', default: false },
      scale: { type: 'string' },
      measure: { type: 'string' },
    },
  });
  const only = SENDERS.find((name) => name === values.only);
  if (only === undefined) throw new Error(`--only ${values.only}: must be one of ${SENDERS.join(', ')}`);
  const receiver = RECEIVER_KINDS.find((kind) => kind === values.receiver);
  if (receiver === undefined) {
    throw new Error(`--receiver ${values.receiver}: must be one of ${RECEIVER_KINDS.join(', ')}`);
  }
  const undici = UNDICI_APIS.find((api) => api === values.undici);
  if (undici === undefined) {
    throw new Error(`--undici ${values.undici}: must be one of ${UNDICI_APIS.join(', ')}`);
  }
  return {
    blocks: readWhole('--blocks', values.blocks, BLOCKS),
    rounds: readWhole('--rounds', values.rounds, ROUNDS),
    seconds: readNumber('--seconds', values.seconds, values.profile ? PROFILE_SECONDS : TURN_SECONDS),
    json: values.json,
    receiver,
    undici,
    profile: values.profile ? only : undefined,
    loadtest: values.loadtest,
    save: values.save,
    all: values.all || values.measure !== undefined ? readAll(values) : undefined,
  };
}

function readWhole(option: string, text: string | undefined, otherwise: number): number {
  const value = readNumber(option, text, otherwise);
  if (!Number.isInteger(value)) throw new Error(`${option} ${text}: must be a whole number`);
  return value;
}

function readAll(values: {
  readonly scale?: string | undefined;
  readonly json: boolean;
  readonly measure?: string | undefined;
}): AllOptions {
  const { scale, json, measure } = values;
  if (measure !== undefined && MEASURES[measure] === undefined) {
    throw new Error(`--measure ${measure}: must be one of ${Object.keys(MEASURES).join(', ')}`);
  }
  return { scale: readNumber('--scale', scale, 1), json, measure };
}

function readNumber(option: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!(value > 0 && value <= 1_000))
    throw new Error(`${option} ${text}: must be a number above 0, at most 1000`);
  return value;
}
