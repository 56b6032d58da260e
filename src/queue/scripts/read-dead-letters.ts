import { type DeadLetterFilter, wantedStatuses } from '../../core/dead-letter-filter.ts';

/** No entry of a history is longer. A pattern that is tried at every entry takes five times as long as at the last. */
const ENTRY_BYTES = 64;

/**
 * Reads a page of dead letters without letters that surely do not match a filter: to send and parse them all takes
 * several times as long. Letters that it cannot read pass. A letter is JSON of `JSON.stringify`, whose strings have a
 * backslash before each quote: a key that is found is a key.
 *
 * KEYS  sorted set of the dead letters
 * ARGV  dead-letters prefix, positions from, how many to look at at the most, what is wanted as JSON (`toSieve`)
 * Returns the position of the last one that was looked at ('': there was none), n × (data, position).
 */
export const READ_DEAD_LETTERS = `
local prefix, wanted = ARGV[1], cjson.decode(ARGV[4])
local asksForLast = wanted.since or wanted['until'] or wanted.least or wanted.class
local failedSince, failedUntil = wanted.failedSince or -math.huge, wanted.failedUntil or math.huge

local function lastFailure(data)
  local history = string.find(data, '"history":[[', 1, true)
  -- Behind the history, if there is one: a body may be long.
  local expiry = string.find(data, '"expiredAt":', history or 1, true)
  if expiry then return string.match(data, '^"expiredAt":(%d+)[,}]', expiry), 0, 'expired' end
  local stop = history and string.find(data, ']]', history, true)
  if not stop then return nil end
  local last = '%[(%d+),(%d+),"([^"]*)",%d+%]%]'
  return string.match(data, last, math.max(history, stop - ${ENTRY_BYTES}))
end
-- Whether an attempt failed in the time that is asked for.
local function failedThen(data)
  local history = string.find(data, '"history":', 1, true)
  if not history then return false end
  local stop = string.find(data, ']]', history, true)
  if not stop then return true end
  for at in string.gmatch(string.sub(data, history, stop), '%[(%d+)') do
    at = tonumber(at)
    if at >= failedSince and at < failedUntil then return true end
  end
  return false
end
local function mayMatch(data)
  if wanted.type and not string.find(data, wanted.type, 1, true) then return false end
  if wanted.unit and not string.find(data, wanted.unit, 1, true) then return false end
  if (wanted.failedSince or wanted.failedUntil) and not failedThen(data) then return false end
  if not asksForLast then return true end
  local diedAt, status, diedOf = lastFailure(data)
  if not diedAt then return true end
  diedAt, status = tonumber(diedAt), tonumber(status)
  if wanted.since and diedAt < wanted.since then return false end
  if wanted['until'] and diedAt >= wanted['until'] then return false end
  if wanted.least and (status < wanted.least or status > wanted.most) then return false end
  return not wanted.class or diedOf == wanted.class
end

local page = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local found = {page[#page] or ''}
for i = 1, #page, 2 do
  if not wanted.id or string.sub(page[i], 1, #wanted.id) == wanted.id then
    -- One that was removed between the two has no data.
    local data = redis.call('HGET', prefix .. page[i], 'data')
    if data and mayMatch(data) then
      found[#found + 1] = data
      found[#found + 1] = page[i + 1]
    end
  end
end
return found
`;

/** What is wanted: the start of the job id, texts that stand in the letter, and what its attempts were like. */
export function toSieve({ id, type, unit, status, ...times }: DeadLetterFilter) {
  const statuses = status === undefined ? undefined : wantedStatuses(status);
  const { since, until, failedSince, failedUntil } = times;
  return {
    ...{ since, until, failedSince, failedUntil },
    ...(id === undefined ? {} : { id: `${id}.` }),
    ...(type === undefined ? {} : { type: `"type":${JSON.stringify(type)}` }),
    ...(unit === undefined ? {} : { unit: `"unit":${JSON.stringify(unit)}` }),
    ...(statuses ?? { class: status }),
  };
}
