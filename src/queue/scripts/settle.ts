import { FORGET_PAGES_MS } from '../../core/web-pages.ts';
import { ADD_JOB, LEAVE_ACTIVE } from './bullmq-functions.ts';
import { NOTE_COURSE } from './note-course.ts';
import { NOTE_DEATHS } from './note-deaths.ts';
import { PACE_FUNCTIONS } from './pace.ts';
import { REMEMBER_DELIVERED } from './remember-delivered.ts';
import { TAKE_NEXT } from './take.ts';
import { WAKE } from './wake.ts';
import { ROOM_TO_SETTLE } from './when-full.ts';

/** `deliveredSoFar(stats, type)`: the events delivered to an endpoint, over the counters of all statuses. */
const DELIVERED_SO_FAR = `
local function deliveredSoFar(stats, type)
  local sum, cursor = 0, '0'
  repeat
    local found = redis.call('HSCAN', stats, cursor, 'MATCH', 'delivered:' .. type .. ':*', 'COUNT', 1000)
    cursor = found[1]
    for i = 2, #found[2], 2 do sum = sum + found[2][i] end
  until cursor == '0'
  return sum
end
`;

/**
 * Settles an open batch, unless its lock is lost. A batch of which nothing is left goes first: that frees memory, and
 * so Redis allows it, and all that follows, also while it is full. Any other settlement first looks whether there is
 * room for it: if there is none, it fails before anything was changed. If it is asked to, it takes the next batch out
 * of the queue, and so saves a round trip.
 * A connection that is lost before the answer came sends all of it again: the lock is gone then, unless the batch is
 * kept. If there is still a batch, the name of its latest write tells; if there is none, only the sender knows
 * whether the answer may have been lost.
 *
 * KEYS  stats, job lock, incidents, course, pace, delivered events
 * ARGV  queue's prefix, dead-letters prefix, what is to be written as JSON (`orderOf` in ../settle.ts),
 *       data of what stays, then as many texts as that names: dead letters, retries apart, records of delivered events
 * Returns 0 if the lock is gone, -1 if the batch is gone, too, and 2 if this was written before: nothing was
 * changed then; otherwise {1 or the next batch: {id, data, stalls}, what `TELL_PACE` returns if there are news}.
 */
export const SETTLE = `
${ADD_JOB}
${LEAVE_ACTIVE}
${TAKE_NEXT}
${WAKE}
${ROOM_TO_SETTLE}
${REMEMBER_DELIVERED}
${NOTE_COURSE}
${NOTE_DEATHS}
${DELIVERED_SO_FAR}
${PACE_FUNCTIONS}
local prefix, deadPrefix, order, data = ARGV[1], ARGV[2], cjson.decode(ARGV[3]), ARGV[4]
local id, now, action, write = order.id, order.now, order.action, order.write
local isLocked = redis.call('GET', KEYS[2]) == order.token
-- Written before, it has left the batch locked only if that is kept.
if write ~= '' and isLocked == (action == 'keep') then
  if redis.call('HGET', prefix .. id, 'write') == write then return 2 end
end
if not isLocked then return redis.call('EXISTS', prefix .. id) - 1 end

local jobs = #order.dead + #order.apart
local firstDead, firstApart, firstRecord = 5, 5 + #order.dead, 5 + jobs
-- Without these a settlement makes no work.
local makesWork = #order.apart > 0 or action == 'delay' or action == 'put_back'
local before = makesWork and workDue(prefix)
rememberDelivered(order.keepMs, KEYS[6], order.slots, firstRecord, now)
if action == 'complete' and jobs == 0 then
  completeJob(prefix, id)
else
  local bytes = #data
  for i = firstDead, firstRecord - 1 do bytes = bytes + #ARGV[i] end
  local refusal = roomToSettle(prefix, id, 'retrying:' .. order.type, bytes, jobs)
  if refusal then return refusal end
end

for field, increment in pairs(order.counters) do redis.call('HINCRBY', KEYS[1], field, increment) end
if order.lastError then
  local before = deliveredSoFar(KEYS[1], order.type) - order.lastError.deliveredAfter
  local text = string.format('{"deliveredBefore":%d,', before) .. string.sub(order.lastError.text, 2)
  redis.call('HSET', KEYS[1], 'lastError:' .. order.type, text)
end
if order.webPages then
  local latest = redis.call('HGET', KEYS[1], 'pagesAt:' .. order.type) or 0
  if now - latest > ${FORGET_PAGES_MS} then
    redis.call('HSET', KEYS[1], 'pages:' .. order.type, 0, 'pagesSince:' .. order.type, now)
  end
  redis.call('HINCRBY', KEYS[1], 'pages:' .. order.type, order.webPages)
  redis.call('HSET', KEYS[1], 'pagesAt:' .. order.type, now)
end
local standing, out, again = 0, 0, 0
local openedAt = #order.dead > 0 and tonumber(redis.call('HGET', KEYS[3], order.type .. ':openedAt') or now)
for i, deadId in ipairs(order.dead) do
  -- An export that is put back while the same events are on their way lets them die twice in one life.
  if redis.call('EXISTS', deadPrefix .. deadId) == 1 then
    standing = standing + 1
    again = again + 1
  else
    redis.call('HINCRBY', KEYS[1], 'letters:' .. order.type, 1)
    if string.sub(deadId, -2) ~= '.0' then out = out + 1 end
    -- What was replayed since the incident opened died in it before.
    if order.replayedAt[i] >= openedAt then again = again + 1 end
  end
  addJob(deadPrefix, deadId, 'dead-letter', ARGV[firstDead + i - 1], now, 0, 1)
end
noteDeaths(KEYS[3], KEYS[1], now, order.type, order.deaths, standing, out, again)
noteCourse(KEYS[4], KEYS[3], order)
for i, retry in ipairs(order.apart) do
  if redis.call('EXISTS', prefix .. retry.id) == 1 then
    -- Both copies of an event that is on its way twice, as above, came to the same retry: one of them goes on.
    redis.call('HINCRBY', KEYS[1], 'merged:' .. order.type, 1)
    if retry.hasFailed then redis.call('HINCRBY', KEYS[1], 'retrying:' .. order.type, -1) end
  else
    addJob(prefix, retry.id, '1', ARGV[firstApart + i - 1], now, retry.delay, 0)
    if retry.hasFailed then redis.call('HSET', prefix .. retry.id, 'retried', 1) end
  end
end

if action == 'complete' then
  if jobs > 0 then completeJob(prefix, id) end
elseif redis.call('EXISTS', prefix .. id) == 1 then
  redis.call('HSET', prefix .. id, 'name', order.events, 'data', data, 'retried', order.retried, 'write', write)
  if order.isNews then redis.call('HDEL', prefix .. id, 'stc') end
  if action == 'delay' then
    delayJob(prefix, id, now, order.delay)
    redis.call('HSET', prefix .. id, 'due', now + order.delay)
  end
  if action == 'put_back' then putBackJob(prefix, id) end
end
if makesWork then wakeWorkers(prefix, before) end
local told = order.news and tellPace(KEYS[5], prefix, order.news) or nil
if order.next then return {takeNext(prefix, now, order.next.token, order.next.durationMs), told} end
return {1, told}
`;
