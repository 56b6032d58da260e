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
