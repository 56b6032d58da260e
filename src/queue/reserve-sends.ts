import { defineScript } from './define-script.ts';
import { GO_ON_WHEN_FULL } from './scripts/when-full.ts';
import type { Connection } from './servers.ts';

/**
 * GCRA: one number, the theoretical arrival time, holds the rate over all processes, by the clock of Redis. Beside it
 * stands when it was written: if that clock was set back since, the client would wait for as long.
 *
 * KEYS  rate
 * ARGV  rate per second, count
 * Returns the milliseconds until the first of the reserved sends, as text.
 */
const RESERVE = `
${GO_ON_WHEN_FULL}
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
local taken = tonumber(ARGV[2]) * 1000 / tonumber(ARGV[1])
local due, written = string.match(redis.call('GET', KEYS[1]) or '0', '^(%S+) ?(%S*)$')
local setBack = math.max(0, (tonumber(written) or now) - now)
local first = math.max(now, tonumber(due) - setBack)
local after = first + taken
redis.call('SET', KEYS[1], string.format('%.3f %.3f', after, now), 'PX', math.ceil(after - now) + 1000)
return string.format('%.3f', first - now)
`;

const reserveScript = defineScript('reserve', RESERVE);

/** Reserves the next sends under a rate limit, which `rateKey` names. @returns ms until the first of them */
export async function reserveSends(
  redis: Connection,
  key: string,
  ratePerSecond: number,
  count: number,
): Promise<number> {
  return Number(await reserveScript(redis, [key], [ratePerSecond, count]));
}
