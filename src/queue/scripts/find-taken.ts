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
