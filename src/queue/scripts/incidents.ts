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

/** `anyNoticeFor(key, ending)`: whether a notice is to be told by the channel whose notices end so. */
const ANY_NOTICE_FOR = `
local function anyNoticeFor(key, ending)
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if string.sub(field, 1, 7) == 'notice/' and string.sub(field, -#ending) == ending then return true end
  end
  return false
end
`;

/**
 * Takes a client's notices for one channel for one keeper, or renews that, unless another one has them. Those that were
 * seen may have been told since: a claim without any would stay for ever.
 *
 * KEYS  incidents
 * ARGV  field of the claim, the keeper's name, for how many ms, how a notice ends for the channel
 * Returns 1, or 0 where another one has them, or there are none.
 */
export const CLAIM_NOTICES = `
${ANY_NOTICE_FOR}
if not anyNoticeFor(KEYS[1], ARGV[4]) then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local keeper, till = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^(.*) (%d+)$')
-- A clock that was set back must not hold them for longer than a claim lasts.
if keeper and keeper ~= ARGV[2] and tonumber(till) > now and tonumber(till) <= now + ARGV[3] then return 0 end
${GO_ON_WHEN_FULL}redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. string.format('%d', now + ARGV[3]))
return 1
`;

/**
 * Forgets a notice that was told; with the last one of a channel nobody has to have them any more.
 *
 * KEYS  incidents
 * ARGV  field of the notice, how it ends for its channel, field of the claim
 */
export const FORGET_NOTICE = `
${ANY_NOTICE_FOR}
redis.call('HDEL', KEYS[1], ARGV[1])
if not anyNoticeFor(KEYS[1], ARGV[2]) then redis.call('HDEL', KEYS[1], ARGV[3]) end
return 1
`;
