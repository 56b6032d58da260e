/**
 * The part of a script that looks at the first batch that waits. It begins with `prefix`, the prefix of a client's
 * deliveries, and leaves `now`, `head`, `since` (from when the first has waited) and `held`.
 *
 * A batch has waited since it was accepted, replayed or due again: `due` is written where a batch is delayed as a
 * whole, and a retry that is a job of its own has its delay in its options. A batch in the active list is in
 * somebody's hands while its lock lives; the latest few tell.
 */
export const LOOK_AT_HEAD = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local head, since = '', now

local function waitingSince(id)
  local job = redis.call('HMGET', prefix .. id, 'due', 'timestamp', 'opts')
  if job[1] then return tonumber(job[1]) end
  local delay = job[3] and tonumber(string.match(job[3], '"delay":(%d+)')) or 0
  return (tonumber(job[2]) or now) + delay
end
local function consider(id, from)
  head = head .. id .. ' '
  if from < since then since = from end
end

local first = redis.call('LINDEX', prefix .. 'wait', -1)
if first then consider(first, waitingSince(first)) end
local replayed = redis.call('ZRANGE', prefix .. 'prioritized', 0, 0)[1]
if replayed then consider(replayed, waitingSince(replayed)) end
local retry = redis.call('ZRANGE', prefix .. 'delayed', 0, 0, 'WITHSCORES')
if retry[1] then
  local due = math.floor(retry[2] / 0x1000)
  if due < now then consider(retry[1], due) end
end

local held = 0
for _, id in ipairs(redis.call('LRANGE', prefix .. 'active', 0, 19)) do
  if redis.call('EXISTS', prefix .. id .. ':lock') == 1 then held = 1 end
end
`;

/** `failing`: the types of events whose endpoint has an open incident. Needs `incidents`, the key of the client's. */
export const LOOK_AT_INCIDENTS = `
local failing = {}
for _, field in ipairs(redis.call('HKEYS', incidents)) do
  local name = string.match(field, '^([^:/]+):openedAt$')
  if name then failing[#failing + 1] = name end
end
`;

/**
 * Looks at one client's queue at a cost that does not depend on its length.
 *
 * KEYS  wait
 * ARGV  deliveries prefix, dead-letters prefix, stats, incidents
 * Returns {the first batch that waits ('' for none), for how many ms it has, 1 where some batch is held,
 * 1 where the client is paused, number of dead letters, stats as fields and values in turns, types with an incident}.
 */
export const OVERVIEW = `
local prefix, deadPrefix, stats, incidents = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
${LOOK_AT_HEAD}
${LOOK_AT_INCIDENTS}
return {
  head, now - since, held, redis.call('HEXISTS', prefix .. 'meta', 'paused'),
  redis.call('ZCARD', deadPrefix .. 'prioritized'), redis.call('HGETALL', stats), failing,
}
`;
