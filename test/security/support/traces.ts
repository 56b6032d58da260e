import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';

/** What is looked for in a text: secrets as they are, and as base64 and URLs write them. */
export function findSecrets(text: string, secrets: Readonly<Record<string, string>>): string[] {
  return Object.entries(secrets).flatMap(([name, secret]) =>
    formsOf(secret)
      .filter((form) => text.includes(form))
      .map((form) => `${name}: …${around(text, form)}…`),
  );
}

function formsOf(secret: string): string[] {
  // Within something longer its first and last characters are mixed with those beside them.
  const inner = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), Buffer.from(secret)])
      .toString('base64')
      .slice(4, -4),
  );
  // An answer in JSON is kept in JSON, and dumped in JSON.
  const escaped = [secret];
  for (let depth = 0; depth < 5; depth += 1) {
    escaped.push(JSON.stringify(escaped.at(-1)).slice(1, -1));
  }
  return [...new Set([...escaped, encodeURIComponent(secret), ...inner])];
}

function around(text: string, form: string): string {
  const at = text.indexOf(form);
  return text.slice(Math.max(0, at - 80), at + form.length + 40);
}

/** Every key of a Redis with all that stands in it, as text; `isLeftOut` takes keys out. */
export async function dumpOf(
  redis: Redis,
  isLeftOut: (key: string) => boolean = () => false,
): Promise<string> {
  const keys = await redis.keys('*');
  const parts = keys.filter((key) => !isLeftOut(key)).map((key) => contentsOf(redis, key));
  return JSON.stringify(await Promise.all(parts));
}

async function contentsOf(redis: Redis, key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case 'string':
      return [key, await redis.get(key)];
    case 'hash':
      return [key, await redis.hgetall(key)];
    case 'list':
      return [key, await redis.lrange(key, 0, -1)];
    case 'set':
      return [key, await redis.smembers(key)];
    case 'zset':
      return [key, await redis.zrange(key, '0', '-1')];
    case 'none':
      // It has expired since it was listed.
      return [key];
    case 'stream':
      return [key, await redis.xrange(key, '-', '+')];
    default:
      throw new Error(`${key} is of a type that this test does not know`);
  }
}

/** The command lines of all processes on this machine, as far as they can be read. */
export function commandLines(): string {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => readProcess(pid, 'cmdline'))
    .join('\n');
}

/** A file of a process, its strings apart by blanks; empty where the process is gone or another user's. */
export function readProcess(pid: number | string, file: 'cmdline' | 'environ'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** What stands in all files below a directory. */
export function filesBelow(directory: string): string {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'latin1'))
    .join('\n');
}
