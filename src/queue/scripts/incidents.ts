import { GO_ON_WHEN_FULL } from './when-full.ts';

/*
 * All of this goes on while Redis is full: an outage is what fills it, and is what is to be told.
 */

/**
 * Writes down that something of an incident is to be told, unless somebody else did so since it was read.
 *
 * KEYS  incidents
 * ARGV  type, when it opened, the count that was told last ('' for none), the count that is told now,
 *       n × (field of a notice, notice)
 * Returns 1, or 0 where nothing was changed.
 */
export const TELL = `
local of = ARGV[1] .. ':'
if redis.call('HGET', KEYS[1], of .. 'openedAt') ~= ARGV[2] then return 0 end
if (redis.call('HGET', KEYS[1], of .. 'told') or '') ~= ARGV[3] then return 0 end
${GO_ON_WHEN_FULL}redis.call('HSET', KEYS[1], of .. 'told', ARGV[4])
for i = 5, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1
`;

/**
 * Closes an incident and remembers it among the closed ones, unless it is not as it was when it was read.
 *
 * KEYS  incidents, closed incidents
 * ARGV  type, when it opened, its count, how many are left, how many were replayed, as they were read,
 *       the closed incident, how many of them are kept, for how many ms, n × (field of a notice, notice)
 * Returns 1, or 0 where nothing was changed.
 */
export const CLOSE = `
local of = ARGV[1] .. ':'
local seen = redis.call('HMGET', KEYS[1], of .. 'openedAt', of .. 'count', of .. 'left', of .. 'replayed')
for i = 1, 4 do
  if (seen[i] or '0') ~= ARGV[i + 1] then return 0 end
end
${GO_ON_WHEN_FULL}for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(field, 1, #of) == of then redis.call('HDEL', KEYS[1], field) end
end
redis.call('LPUSH', KEYS[2], ARGV[6])
redis.call('LTRIM', KEYS[2], 0, ARGV[7] - 1)
redis.call('PEXPIRE', KEYS[2], ARGV[8])
for i = 9, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1
`;

/**
 * Corrects how many dead letters of an incident stand, unless it is not as it was when it was read.
 *
 * KEYS  incidents
 * ARGV  type, when it opened, its count, how many are left, as they were read, how many stand
 */
export const CORRECT_LEFT = `
local of = ARGV[1] .. ':'
local seen = redis.call('HMGET', KEYS[1], of .. 'openedAt', of .. 'count', of .. 'left')
for i = 1, 3 do
  if (seen[i] or '0') ~= ARGV[i + 1] then return 0 end
end
${GO_ON_WHEN_FULL}redis.call('HSET', KEYS[1], of .. 'left', ARGV[5])
return 1
`;

/**
 * Claims a client's notices for one channel, or renews the claim, unless another monitor has it.
 *
 * KEYS  claim
 * ARGV  the monitor's name, for how many ms
 * Returns 1, or 0 if another one has it.
 */
export const CLAIM_NOTICES = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
${GO_ON_WHEN_FULL}redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`;
