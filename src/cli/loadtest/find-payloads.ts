import type { Redis } from 'ioredis';
import type { EventType } from '../../core/event-type.ts';
import { findEventType } from '../../core/event-types.ts';
import { type ReadPayload, readPayloads } from '../../intake/read-payloads.ts';
import {
  type BodyTemplate,
  generateTemplates,
  type MadeTemplate,
  type Share,
  toTemplate,
} from '../../loadtest/payloads.ts';
import { readDeadLetters } from '../../queue/dead-letter-queue.ts';
import { UsageError } from '../run-command.ts';
import { findInput } from '../send/event-input.ts';
import { GzipError } from '../send/unpack-gzip.ts';
import type { LoadOptions } from './load-options.ts';
import type { Target } from './target.ts';

/** What events are made of, and where that came from in a few words. */
export interface FoundPayloads {
  readonly shares: readonly Share[];
  readonly source: string;
}

/** More than these make no difference to an endpoint, and they are kept in memory. */
const MOST_PAYLOADS = 10_000;
const MOST_SHOWN = 3;

/** Finds or makes payloads, all of them valid. @throws UsageError where one is not, or there is none */
export async function findPayloads(
  { client, types }: Target,
  options: LoadOptions,
  random: () => number,
  redis: Redis | undefined,
): Promise<FoundPayloads> {
  const isFile = options.events !== undefined;
  if (isFile && options.fromDeadLetters === true) {
    throw new UsageError('--events and --from-dead-letters do not go together');
  }
  if (isFile && types.size > 1) throw new UsageError('--events has payloads of one type: leave --mix out');
  const shares: Share[] = [];
  for (const [type, weight] of types) {
    const templates = isFile
      ? await readFile(type, options.events ?? '-')
      : options.fromDeadLetters === true
        ? await readDead(redis, client.name, type)
        : generateTemplates(type, random);
    shares.push({ weight, templates });
  }
  const source = isFile ? `from ${options.events}` : 'generated';
  return { shares, source: options.fromDeadLetters === true ? 'from dead letters' : source };
}

async function readFile(typeName: string, file: string): Promise<BodyTemplate[]> {
  const type = findEventType(typeName);
  if (type === undefined) throw new UsageError(`there is no event type "${typeName}"`);
  const templates: BodyTemplate[] = [];
  const problems: string[] = [];
  for await (const read of readPayloads(bytesOf(file))) {
    for (const each of read) {
      const made = madeOf(type, each);
      if (made.ok) templates.push(made.template);
      else problems.push(`line ${each.line}: ${made.problems[0]?.path} ${made.problems[0]?.message}`);
    }
    if (templates.length + problems.length >= MOST_PAYLOADS) break;
  }
  if (problems.length > 0) {
    throw new UsageError(`${file} has payloads that are no ${typeName}: ${someOf(problems)}`);
  }
  if (templates.length === 0) throw new UsageError(`${file} holds no payload`);
  return templates;
}

/** @throws UsageError */
async function* bytesOf(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* findInput(file).read(new AbortController().signal);
  } catch (error) {
    if (error instanceof GzipError) throw new UsageError(`${file}: ${error.message}`);
    throw error;
  }
}

function madeOf(type: EventType, read: ReadPayload): MadeTemplate {
  if ('problem' in read) return { ok: false, problems: [{ path: '$', message: read.problem }] };
  return toTemplate(type, read.payload, read.source);
}

function someOf(problems: readonly string[]): string {
  const more = problems.length > MOST_SHOWN ? ` … and ${problems.length - MOST_SHOWN} more` : '';
  return `${problems.slice(0, MOST_SHOWN).join('; ')}${more}`;
}

async function readDead(redis: Redis | undefined, client: string, typeName: string): Promise<BodyTemplate[]> {
  const type = findEventType(typeName);
  if (redis === undefined || type === undefined) throw new UsageError('the dead letters cannot be read');
  const templates: BodyTemplate[] = [];
  for await (const page of readDeadLetters(redis, client)) {
    for (const event of page) {
      if (event.type !== typeName) continue;
      const made = toTemplate(type, JSON.parse(event.body));
      if (made.ok) templates.push(made.template);
    }
    if (templates.length >= MOST_PAYLOADS) break;
  }
  if (templates.length === 0) throw new UsageError(`client "${client}" has no dead letters of ${typeName}`);
  return templates;
}
