import type { Redis } from 'ioredis';
import type { Config, ResolvedClient } from '../../config/config-schema.ts';
import { readClientStatus } from '../../queue/client-status.ts';
import { findQueuedClients, readBrokenJobs, sampleTypes } from '../../queue/stray-events.ts';
import { formatCount, formatTime } from '../terminal.ts';
import { type CheckFinding, clientSubject } from './finding.ts';

/** Looks for events that will not be delivered as things are. @throws errors of Redis */
export async function checkQueues(redis: Redis, config: Config): Promise<CheckFinding[]> {
  const findings: CheckFinding[] = [];
  for (const name of await findQueuedClients(redis)) {
    const client = config.clients[name];
    const found =
      client === undefined
        ? await checkRemovedClient(redis, name, config.file)
        : [...(await checkTypes(redis, client)), ...(await checkState(redis, name))];
    findings.push(...found);
  }
  return findings;
}

async function checkRemovedClient(redis: Redis, name: string, file: string): Promise<CheckFinding[]> {
  const { waiting, inFlight, retrying, dead } = await readClientStatus(redis, name);
  const queued = waiting + inFlight + retrying;
  if (queued + dead === 0) return [];
  const parts = [
    queued > 0 ? `${events(queued)} to deliver` : '',
    dead > 0 ? `${formatCount(dead)} dead letters` : '',
  ];
  const what = parts.filter((part) => part !== '').join(' and ');
  const message = `client "${name}" is not in ${file} and has ${what}: they wait until it is there again`;
  return [{ level: 'warning', subject: 'redis', message }];
}

async function checkTypes(redis: Redis, client: ResolvedClient): Promise<CheckFinding[]> {
  const { eventsByType, isAll } = await sampleTypes(redis, client.name);
  return [...eventsByType]
    .filter(([type]) => client.urls[type] === undefined)
    .map(([type, count]) => ({
      level: 'warning' as const,
      subject: clientSubject(client.name),
      message: `${isAll ? '' : 'at least '}${events(count)} of type ${type} wait, and there is no endpoint for it`,
    }));
}

async function checkState(redis: Redis, name: string): Promise<CheckFinding[]> {
  const { broken, pausedAt } = await readClientStatus(redis, name);
  const findings = broken === 0 ? [] : [await describeBroken(redis, name, broken)];
  if (pausedAt === undefined) return findings;
  const message = `paused since ${formatTime(pausedAt)}: nothing is sent until "waybill resume ${name}"`;
  return [...findings, { level: 'warning', subject: clientSubject(name), message }];
}

async function describeBroken(redis: Redis, name: string, broken: number): Promise<CheckFinding> {
  const named = await readBrokenJobs(redis, name);
  const list = named.map(({ id, reason }) => `${id} (${reason})`).join(', ');
  const more = broken > named.length ? ', and others' : '';
  const what = `${formatCount(broken)} job${broken === 1 ? '' : 's'} failed by a fault of Waybill's own`;
  const message = `${what}, kept and not delivered: ${list}${more}`;
  return { level: 'error', subject: clientSubject(name), message };
}

function events(count: number): string {
  return `${formatCount(count)} event${count === 1 ? '' : 's'}`;
}
