import { ENDPOINT_TYPES } from './endpoint-types.ts';

/** Of a queue whose events wait for the pace, so many jobs are looked at: for the oldest, and for what is not due. */
const LOOKED_AT = { oldest: 20, notDue: 500 };

/**
 * `readPace(key, prefix, retryHead, jobs)`: verdict and sums as they are stored; unless it is open, `head` (the part of the
 * head that does not wait for the pace), `oldestAt` (when the oldest event that waits was accepted or replayed),
 * `nextRetryAt`, and during a hold `notDue`: the events whose retry is not due, those beyond the jobs that are looked at
 * by their mean.
 */
const PACE_VIEW = `
local function heldSince(prefix, id)
  -- A retry is a job of its own: in the first life its event's id tells the time (RFC 9562, section 5.7).
  local high, low = string.match(id, '^(%x%x%x%x%x%x%x%x)-(%x%x%x%x)-.*%.0%.%d+$')
  if high then return tonumber(high .. low, 16) end
  return tonumber(redis.call('HGET', prefix .. id, 'timestamp') or '') or now
end
local function oldestAt(prefix, isHeld)
  local oldest
  local function consider(ids)
    for _, id in ipairs(ids) do
      local since = heldSince(prefix, id)
      if not oldest or since < oldest then oldest = since end
    end
  end
  consider(redis.call('LRANGE', prefix .. 'wait', -${LOOKED_AT.oldest}, -1))
  consider(redis.call('ZRANGE', prefix .. 'prioritized', 0, ${LOOKED_AT.oldest - 1}))
  if isHeld then
    consider(redis.call('ZRANGEBYSCORE', prefix .. 'delayed', 0, (now + 1) * 0x1000 - 1, 'LIMIT', 0, ${LOOKED_AT.oldest}))
  end
  return oldest
end
local function notDue(prefix)
  local after = (now + 1) * 0x1000
  local ids, retried = redis.call('ZRANGEBYSCORE', prefix .. 'delayed', after, '+inf', 'LIMIT', 0, ${LOOKED_AT.notDue}), 0
  if #ids == 0 then return 0 end
  for _, id in ipairs(ids) do retried = retried + (tonumber(redis.call('HGET', prefix .. id, 'retried') or '') or 0) end
  return math.floor(retried * redis.call('ZCOUNT', prefix .. 'delayed', after, '+inf') / #ids)
end
local function readPace(key, prefix, retryHead, jobs)
  local found = redis.call('HMGET', key, 'verdict', 'sums')
  if not found[1] and not found[2] then return nil end
  local isOpen = not found[1] or string.find(found[1], '"state":"open"', 1, true)
  -- Most endpoints are open, and nothing waits: their sums tell nothing then.
  local pace = {verdict = found[1] or '', sums = (not isOpen or jobs > 0) and found[2] or ''}
  if isOpen then return pace end
  local isHeld = not string.find(found[1], '"holdUntil":0[,}]')
  local first = redis.call('ZRANGE', prefix .. 'delayed', 0, 0, 'WITHSCORES')
  pace.head = isHeld and '' or retryHead
  pace.nextRetryAt = first[2] and math.floor(first[2] / 0x1000)
  pace.oldestAt = oldestAt(prefix, isHeld)
  if isHeld then pace.notDue = notDue(prefix) end
  return pace
end`;

/**
 * Reads one client at a cost that does not grow with what waits: only open batches are counted one by one.
 *
 * A batch has waited since it was accepted, replayed or due again: `due` is written when a batch is delayed as a whole,
 * and a retry that is a job of its own has its delay in its options. The locks of the latest few batches tell whether
 * a process holds any. While an endpoint is not open, more is read of what waits for its pace.
 *
 * KEYS  stats, incidents, set of the dead letters
 * ARGV  prefix of all deliveries, prefix of all paces
 * Returns {stats as fields and values in turns, types with an open incident, number of dead letters, the queues as
 * JSON: `QueueReply` by event type, now in ms since the epoch}.
 */
export const CLIENT_VIEW = `
${ENDPOINT_TYPES}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function waitingSince(prefix, id)
  local job = redis.call('HMGET', prefix .. id, 'due', 'timestamp', 'opts')
  if job[1] then return tonumber(job[1]) end
  local delay = job[3] and tonumber(string.match(job[3], '"delay":(%d+)')) or 0
  return (tonumber(job[2] or '') or now) + delay
end

local function firstWaiting(prefix)
  local head, retryHead, since = '', '', now
  local function consider(id, from)
    head = head .. id .. ' '
    if from < since then since = from end
  end
  local first = redis.call('LINDEX', prefix .. 'wait', -1)
  if first then consider(first, waitingSince(prefix, first)) end
  local replayed = redis.call('ZRANGE', prefix .. 'prioritized', 0, 0)[1]
  if replayed then consider(replayed, waitingSince(prefix, replayed)) end
  local retry = redis.call('ZRANGE', prefix .. 'delayed', 0, 0, 'WITHSCORES')
  if retry[1] then
    local due = math.floor(retry[2] / 0x1000)
    if due < now then
      consider(retry[1], due)
      retryHead = retry[1] .. ' '
    end
  end
  return head, retryHead, now - since
end
${PACE_VIEW}

local function openEvents(prefix)
  local events, retried, held = 0, 0, false
  for i, id in ipairs(redis.call('LRANGE', prefix .. 'active', 0, -1)) do
    local job = redis.call('HMGET', prefix .. id, 'name', 'retried')
    events = events + (tonumber(job[1] or '') or 0)
    retried = retried + (tonumber(job[2] or '') or 0)
    if i <= 20 and redis.call('EXISTS', prefix .. id .. ':lock') == 1 then held = true end
  end
  return events, retried, held
end

local function brokenEvents(prefix)
  local events, retried = 0, 0
  for _, id in ipairs(redis.call('ZRANGE', prefix .. 'failed', 0, 999)) do
    local job = redis.call('HMGET', prefix .. id, 'name', 'retried')
    events = events + (tonumber(job[1] or '') or 0)
    retried = retried + (tonumber(job[2] or '') or 0)
  end
  return events, retried
end

local failing, queues = {}, {}
for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
  local name = string.match(field, '^([^:/]+):openedAt$')
  if name then failing[#failing + 1] = name end
end
for _, kind in ipairs(endpointTypes(KEYS[1])) do
  local prefix = ARGV[1] .. ':' .. kind .. ':'
  local head, retryHead, oldest = firstWaiting(prefix)
  local events, retried, held = openEvents(prefix)
  local broken, brokenRetried = brokenEvents(prefix)
  local jobs = redis.call('LLEN', prefix .. 'wait') + redis.call('ZCARD', prefix .. 'prioritized')
    + redis.call('ZCARD', prefix .. 'delayed')
  queues[kind] = {
    head = head, oldestMs = oldest, pace = readPace(ARGV[2] .. kind, prefix, retryHead, jobs), held = held, paused = redis.call('HEXISTS', prefix .. 'meta', 'paused') == 1,
    jobs = jobs, open = events, openRetried = retried,
    broken = redis.call('ZCARD', prefix .. 'failed'), brokenEvents = broken, brokenRetried = brokenRetried,
  }
end
return {redis.call('HGETALL', KEYS[1]), failing, redis.call('ZCARD', KEYS[3]), cjson.encode(queues), now}
`;
