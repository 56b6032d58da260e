import type {
  OptionValues,
  Command as TypedCommand,
  Option as TypedOption,
} from '@commander-js/extra-typings';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Objective, parseObjectives } from '../../loadtest/objectives.ts';
import type { Parsed } from '../../loadtest/quantities.ts';
import { parseStages } from '../../loadtest/schedule.ts';
import { DEFAULT_ABORT_RULE, parseAbortRule } from '../../loadtest/stop-rules.ts';
import { optionParser, parseCount, parsePercentage, parseRate, parseTime } from '../parse-options.ts';
import type { GlobalOptions } from '../run-command.ts';

type OptionsOf<Given extends { opts(): unknown }> = ReturnType<Given['opts']> & GlobalOptions;

/** What `run` takes. Durations in milliseconds, rates per second, shares from 0 to 1. */
export type RunOptions = OptionsOf<ReturnType<typeof withRunFlags>>;
/** What `find-limit` takes. */
export type FindOptions = OptionsOf<ReturnType<typeof withFindFlags>>;
/** What both commands take. */
export type LoadOptions = Pick<RunOptions, keyof RunOptions & keyof FindOptions>;

const LOAD = 'How much is sent, and how:';

/** Adds the flags of a plan. */
export function withRunFlags(command: Command) {
  return withCommonFlags(
    (command as unknown as TypedCommand)
      .optionsGroup(LOAD)
      .option('--rate <rate>', 'events a second, such as 200/s', parseRate)
      .option('--stages <list>', 'rates over time: 10s:0-200,2m:200,10s:200-0', readStages)
      .addOption(withDefault('--duration <time>', 'for how long, with --rate', readDuration, '1m')),
  );
}

/** Adds the flags of a search. */
export function withFindFlags(command: Command) {
  return withCommonFlags(
    (command as unknown as TypedCommand)
      .optionsGroup(LOAD)
      .addOption(withDefault('--start <rate>', 'the rate of the first probe', parseRate, '10/s'))
      .option('--max-rate <rate>', 'the highest rate to try', parseRate)
      .addOption(withDefault('--precision <share>', 'how near to come', parsePercentage, '10%'))
      .addOption(withDefault('--probe <time>', 'the length of a probe', readDuration, '15s'))
      .addOption(withDefault('--confirm <time>', 'for how long the limit must hold', readDuration, '1m'))
      .addOption(withDefault('--budget <time>', 'for the whole search', readDuration, '15m')),
  );
}

/** An option of a number whose default is shown as it is written, with its unit. */
function withDefault<Flags extends string>(
  flags: Flags,
  description: string,
  parse: (text: string) => number,
  text: string,
) {
  return (new Option(flags, description) as unknown as TypedOption<Flags>)
    .default(parse(text), text)
    .argParser(parse);
}

function withCommonFlags<Options extends OptionValues>(command: TypedCommand<[], Options>) {
  return command
    .addOption(
      command
        .createOption('--via <path>', 'straight to the endpoint, or through intake, queue and workers')
        .choices(['direct', 'engine'] as const)
        .default('direct' as const),
    )
    .option('--warmup <time>', 'sent before, and not judged (run: 5s, find-limit: 1s)', parseTime)
    .addOption(
      command
        .createOption('--arrivals <kind>', 'how events are spaced')
        .choices(['constant', 'poisson'] as const)
        .default('constant' as const),
    )
    .option('--seed <n>', 'makes random gaps and payloads repeatable', parseCount)
    .option('--max-in-flight <n>', 'what is beyond it is not sent, and counts as missed', parseCount)
    .optionsGroup('What is sent:')
    .option('--events <file>', 'payloads from a file (JSON, array or NDJSON) instead of generated ones')
    .option('--from-dead-letters', "payloads from the client's dead letters")
    .option('--mix <shares>', 'several types: disposition_update=80,inventory_receipt=20', readMix)
    .addOption(
      withDefault('--duplicates <share>', 'how many events repeat an earlier one', parsePercentage, '0%'),
    )
    .optionsGroup('When it has failed, or ends:')
    .option('--slo <objective>', 'p99<300ms, delivered>99.5%, rate>=195/s; may be repeated', collect)
    .option('--max-requests <n>', 'for all of it', parseCount)
    .addOption(
      command
        .createOption('--abort-on <rule>', 'when to stop')
        .default(DEFAULT_ABORT_RULE, DEFAULT_ABORT_RULE.text)
        .argParser((text) => parsedValue(parseAbortRule(text))),
    )
    .optionsGroup('What is asked and told:')
    .option('--dry-run', 'say what would be sent, and send nothing')
    .option('--yes', 'do not ask')
    .option('--report <file>', 'write the whole report there, as JSON')
    .option('--html <file>', 'write it as a page to look at')
    .option('--quiet', 'say nothing until it is over')
    .option('--label <text>', 'stands in the report');
}

/** Reads objectives. @throws InvalidArgumentError with all that is wrong */
export function readObjectives(texts: readonly string[]): readonly Objective[] {
  return parsedValue(parseObjectives(texts));
}

/** What was parsed. @throws InvalidArgumentError with all that is wrong */
function parsedValue<Value>(parsed: Parsed<Value>): Value {
  if (!parsed.ok) throw new InvalidArgumentError(`${parsed.problems.join('; ')}.`);
  return parsed.value;
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  readObjectives([text]);
  return [...before, text];
}

function readStages(text: string) {
  return parsedValue(parseStages(text));
}

function readDuration(text: string): number {
  const ms = parseTime(text);
  if (ms === 0) throw new InvalidArgumentError('It is longer than nothing.');
  return ms;
}

const readMix = optionParser((text) => {
  const mix = new Map<string, number>();
  for (const part of text.split(',')) {
    const [, type, weight] = /^\s*(\w+)=(\d+(?:\.\d+)?)%?\s*$/.exec(part) ?? [];
    if (type === undefined || Number(weight) <= 0 || mix.has(type)) return undefined;
    mix.set(type, Number(weight));
  }
  return mix;
}, 'It is types and their shares: disposition_update=80,inventory_receipt=20.');
