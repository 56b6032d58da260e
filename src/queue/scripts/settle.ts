import { ADD_JOB, LEAVE_ACTIVE } from './bullmq-functions.ts';
import { NOTE_DEATHS } from './note-deaths.ts';
import { REMEMBER_DELIVERED } from './remember-delivered.ts';
import { TAKE_NEXT } from './take.ts';
import { ROOM_TO_SETTLE } from './when-full.ts';

/**
 * Settles an open batch in one step: whoever lost the lock changes nothing, and a crash finds either all of it
 * done or none. A batch of which nothing is left goes first: that frees memory, and so Redis allows it, and all
 * that follows, also while it is full. Any other settlement first looks whether there is room for it: where there
 * is none, it fails before anything was changed. Where it is asked to, it takes the next batch out of the queue in
 * the same step, and so saves a round trip.
 * A connection that is lost before the answer came sends all of it again: the lock is gone then, except where
 * the batch is kept. Where there is still a batch, the name of its latest write tells; where there is none, only
 * whoever sent it knows whether the answer may have been lost.
 *
 * KEYS  stats, job lock, incidents
 * ARGV  deliveries prefix, dead-letters prefix, job id, token, now, action, delay, name, data,
 *       last error ('' for none), token for the next batch ('' for none), its lock's duration in ms,
 *       the name of this write where there is a batch afterwards, otherwise '',
 *       1: an event of a batch that goes on is settled, so that its lost processes count from 0 again,
 *       n counters, n × (field, increment),
 *       n dead letters, n × (id, data), n retries apart, n × (id, data, delay),
 *       n groups of deaths, n × (type, class:status, how many, since when they failed),
 *       how long delivered events are remembered in ms, n × (list, record)
 *       action: keep | delay | put_back | complete
 * Returns 0 where the lock is gone, -1 where the batch is gone, too, and 2 where this was written before: nothing was
 * changed then; otherwise 1, or the next batch: {id, data, stalls}.
 */
export const SETTLE = `
${ADD_JOB}
${LEAVE_ACTIVE}
${TAKE_NEXT}
${ROOM_TO_SETTLE}
${REMEMBER_DELIVERED}
${NOTE_DEATHS}
local prefix, deadPrefix, id, token, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local action, delay, name, data, lastError = ARGV[6], tonumber(ARGV[7]), ARGV[8], ARGV[9], ARGV[10]
local nextToken, nextLock, write, isNews = ARGV[11], ARGV[12], ARGV[13], ARGV[14] == '1'
local isLocked = redis.call('GET', KEYS[2]) == token
-- Written before, it has left the batch locked only where that is kept.
if isLocked == (action == 'keep') and write ~= '' then
  if redis.call('HGET', prefix .. id, 'write') == write then return 2 end
end
if not isLocked then return redis.call('EXISTS', prefix .. id) - 1 end

local counters = tonumber(ARGV[15])
local firstDead = 17 + 2 * counters
local dead = tonumber(ARGV[firstDead - 1])
local apart = tonumber(ARGV[firstDead + 2 * dead])
local lastApart = firstDead + 2 * dead + 3 * apart
local groups = tonumber(ARGV[lastApart + 1])
local lastGroup = lastApart + 1 + 4 * groups
rememberDelivered(tonumber(ARGV[lastGroup + 1]), lastGroup + 2)
if action == 'complete' and dead + apart == 0 then
  completeJob(prefix, id)
else
  local bytes = #data
  for i = firstDead, lastApart do bytes = bytes + #ARGV[i] end
  local refusal = roomToSettle(prefix, id, bytes, dead + apart)
  if refusal then return refusal end
end

local at = 16
local function take()
  at = at + 1
  return ARGV[at - 1]
end
for _ = 1, counters do
  local field = take()
  redis.call('HINCRBY', KEYS[1], field, take())
end
if lastError ~= '' then redis.call('HSET', KEYS[1], 'lastError', lastError) end
at = firstDead
local standing, again = {}, {}
for _ = 1, dead do
  local deadId, deadData = take(), take()
  local kind = string.match(deadData, '"type":"([^"]*)"')
  -- An export that is put back while the same events are on their way lets them die twice in one life.
  if redis.call('EXISTS', deadPrefix .. deadId) == 1 then
    standing[kind] = (standing[kind] or 0) + 1
  elseif string.sub(deadId, -2) ~= '.0' then
    again[kind] = (again[kind] or 0) + 1
  end
  addJob(deadPrefix, deadId, 'dead-letter', deadData, now, 0, 1)
end
noteDeaths(KEYS[3], KEYS[1], now, lastApart + 2, groups, standing, again)
at = at + 1
for _ = 1, apart do
  local retryId, retryData, retryDelay = take(), take(), tonumber(take())
  addJob(prefix, retryId, '1', retryData, now, retryDelay, 0)
end

if action == 'complete' then
  if dead + apart > 0 then completeJob(prefix, id) end
elseif redis.call('EXISTS', prefix .. id) == 1 then
  redis.call('HSET', prefix .. id, 'name', name, 'data', data)
  if write ~= '' then redis.call('HSET', prefix .. id, 'write', write) end
  if isNews then redis.call('HDEL', prefix .. id, 'stc') end
  if action == 'delay' then
    delayJob(prefix, id, now, delay)
    redis.call('HSET', prefix .. id, 'due', now + delay)
  end
  if action == 'put_back' then putBackJob(prefix, id) end
end
if nextToken ~= '' then return takeNext(prefix, now, nextToken, nextLock) end
return 1
`;
