/**
 * The first line of a script that goes on while Redis is full: it lets work be finished, and adds little. Redis, 6.2
 * and 7 alike, refuses a script's command for lack of memory only as long as the script has written nothing: "an
 * exception is when the script's first write command does not use additional memory; in this case Redis will allow all
 * commands in the script to run" (redis.io, "Scripting with Lua", "EVAL command during memory limit"). PERSIST is such
 * a command. The `allow-oom` flag of Redis 7 would do the same, but 6.2 does not know it.
 *
 * KEYS  any key without an expiry, or one whose expiry the script sets anew
 */
export const GO_ON_WHEN_FULL = `redis.call('PERSIST', KEYS[1])\n`;

/**
 * `roomToSettle(prefix, id, field, bytes, jobs)`: whether a settlement may be written that leaves `bytes` in its batch
 * and in a number of further jobs; `field`: a counter, by which that is tried. It may while Redis is not full; if it
 * needs less than the batch takes now; else up to a tenth beyond the limit, so that a backlog that grew in an outage
 * can be retried once the client is back. Returns nothing if it may, or the error of Redis.
 */
export const ROOM_TO_SETTLE = `
local function roomToSettle(prefix, id, field, bytes, jobs)
  local refusal = redis.pcall('HINCRBY', KEYS[1], field, 0)
  if type(refusal) ~= 'table' then return nil end
  -- Redis before 7 names the line of the script first.
  local reason = string.gsub(refusal.err, '^@user_script: ?%d+: ', '')
  if not string.find(reason, '^%-?OOM') then return refusal end
  if bytes + jobs * 400 >= redis.call('HSTRLEN', prefix .. id, 'data') then
    local memory = redis.pcall('INFO', 'memory')
    if type(memory) ~= 'string' then return refusal end
    local used, most = string.match(memory, 'used_memory:(%d+)'), string.match(memory, 'maxmemory:(%d+)')
    if not used or not most or tonumber(used) >= tonumber(most) * 1.1 then return refusal end
  end
  ${GO_ON_WHEN_FULL}
  return nil
end
`;
