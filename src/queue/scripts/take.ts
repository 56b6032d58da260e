/**
 * `takeNext(prefix, now, token, lockMs)`: takes the next waiting job as BullMQ's moveToActive does, without the fields
 * that Waybill does not read. If there is a pause, a limit or a retry that is due, it takes nothing, and leaves that to
 * BullMQ. Returns {id, data, stalls}, or 1 if it took nothing.
 */
export const TAKE_NEXT = `
local function takeNext(prefix, now, token, lockMs)
  local limits = redis.call('HMGET', prefix .. 'meta', 'paused', 'concurrency', 'max')
  if limits[1] or limits[2] or limits[3] then return 1 end
  local due = redis.call('ZRANGEBYSCORE', prefix .. 'delayed', 0, (now + 1) * 0x1000 - 1, 'LIMIT', 0, 1)
  if due[1] then return 1 end
  local id = redis.call('RPOPLPUSH', prefix .. 'wait', prefix .. 'active')
  if not id then return 1 end
  local job = redis.call('HMGET', prefix .. id, 'data', 'stc')
  if not job[1] then
    redis.call('LREM', prefix .. 'active', 1, id)
    return 1
  end
  redis.call('SET', prefix .. id .. ':lock', token, 'PX', lockMs)
  return {id, job[1], job[2] or '0'}
end
`;

/**
 * Takes a batch of an endpoint that is not `open`, by its kind: a retry that is due straight from the delayed jobs, so
 * that it does not wait behind what was not sent yet; or a fresh batch, if it was added by a time.
 *
 * KEYS  active list
 * ARGV  deliveries prefix, token, lock's duration in ms, now, 1: retries may be taken, fresh batches added by then may be
 *       taken (ms since the epoch), 1: a retry first
 * Returns {id, data, stalls}, or {when the next retry is due, 0: none waits; when the first fresh batch was added, 0:
 * none waits}, in ms since the epoch.
 */
export const TAKE_PACED = `
local prefix, now = ARGV[1], tonumber(ARGV[4])
if redis.call('HEXISTS', prefix .. 'meta', 'paused') == 1 then return {0, 0} end
local function addedAt(id) return id and tonumber(redis.call('HGET', prefix .. id, 'timestamp') or '') or 0 end
local function takeRetry()
  if ARGV[5] ~= '1' then return nil end
  local id = redis.call('ZRANGEBYSCORE', prefix .. 'delayed', 0, (now + 1) * 0x1000 - 1, 'LIMIT', 0, 1)[1]
  if not id then return nil end
  redis.call('ZREM', prefix .. 'delayed', id)
  redis.call('LPUSH', KEYS[1], id)
  redis.call('HSET', prefix .. id, 'delay', 0)
  return id
end
-- The first of the fresh batches, and of the replayed ones, which go behind them.
local function firstFresh() return redis.call('LINDEX', prefix .. 'wait', -1) end
local function firstReplayed() return redis.call('ZRANGE', prefix .. 'prioritized', 0, 0)[1] end
local function takeFresh()
  local id = firstFresh()
  if id and addedAt(id) <= tonumber(ARGV[6]) then return redis.call('RPOPLPUSH', prefix .. 'wait', KEYS[1]) end
  id = firstReplayed()
  if not id or addedAt(id) > tonumber(ARGV[6]) then return nil end
  redis.call('ZREM', prefix .. 'prioritized', id)
  redis.call('LPUSH', KEYS[1], id)
  return id
end
local function freshSince()
  local since = 0
  for _, id in ipairs({firstFresh() or false, firstReplayed() or false}) do
    local added = id and math.max(1, addedAt(id)) or 0
    if added > 0 and (since == 0 or added < since) then since = added end
  end
  return since
end
while true do
  local id
  if ARGV[7] == '1' then id = takeRetry() or takeFresh() else id = takeFresh() or takeRetry() end
  if not id then
    -- BullMQ's score: the due time in ms × 0x1000, and a counter.
    local retry = redis.call('ZRANGE', prefix .. 'delayed', 0, 0, 'WITHSCORES')
    return {retry[2] and math.floor(tonumber(retry[2]) / 0x1000) or 0, freshSince()}
  end
  local job = redis.call('HMGET', prefix .. id, 'data', 'stc')
  if job[1] then
    redis.call('SET', prefix .. id .. ':lock', ARGV[2], 'PX', ARGV[3])
    return {id, job[1], job[2] or '0'}
  end
  -- The job is gone, only its id was left: takes the next.
  redis.call('LREM', KEYS[1], 1, id)
end
`;

/**
 * Finds the batches that are locked by one token, and renews their locks.
 *
 * KEYS  active list
 * ARGV  deliveries prefix, token, lock's duration in ms
 * Returns n × {id, data, stalls}.
 */
export const FIND_TAKEN = `
local found = {}
for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  local lock = ARGV[1] .. id .. ':lock'
  if redis.call('GET', lock) == ARGV[2] then
    local job = redis.call('HMGET', ARGV[1] .. id, 'data', 'stc')
    if job[1] then
      redis.call('PEXPIRE', lock, ARGV[3])
      found[#found + 1] = {id, job[1], job[2] or '0'}
    end
  end
end
return found
`;
