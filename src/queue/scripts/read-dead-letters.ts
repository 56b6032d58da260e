import { type DeadLetterFilter, wantedStatuses } from '../../core/dead-letter-filter.ts';

/** No entry of a history is longer. A pattern that is tried at every entry takes five times as long as at the last. */
const ENTRY_BYTES = 64;

/**
 * Reads a page of dead letters and keeps back those that a filter surely does not mean: to send and parse them all
 * takes the reader, and Redis, several times as long. What it cannot read it lets through. A letter is JSON as
 * `JSON.stringify` writes it, in whose strings no quote stands without a backslash before it: a key that is found
 * is a key. One answer for all of them: one for each would double what reading costs the reader.
 *
 * KEYS  sorted set of the dead letters
 * ARGV  dead-letters prefix, positions from, how many to look at at the most,
 *       '' or what is wanted: start of the job id, type and unit as they stand in the letter, died at or after,
 *       died before, least and most status of the last attempt, its failure class
 * Returns the position of the last one that was looked at ('': there was none), n × (data, position).
 */
export const READ_DEAD_LETTERS = `
local prefix, id, kind, unit = ARGV[1], ARGV[4], ARGV[5], ARGV[6]
local since, before, least, most = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local class = ARGV[11]
local asksForFailure = since or before or least or class ~= ''

local function mayMatch(data)
  if kind ~= '' and not string.find(data, kind, 1, true) then return false end
  if unit ~= '' and not string.find(data, unit, 1, true) then return false end
  if not asksForFailure then return true end
  local history = string.find(data, '"history":[[', 1, true)
  local stop = history and string.find(data, ']]', history, true)
  if not stop then return true end
  local last = '%[(%d+),(%d+),"([^"]*)",%d+%]%]'
  local diedAt, status, diedOf = string.match(data, last, math.max(history, stop - ${ENTRY_BYTES}))
  if not diedAt then return true end
  diedAt, status = tonumber(diedAt), tonumber(status)
  if since and diedAt < since or before and diedAt >= before then return false end
  if least and (status < least or status > most) then return false end
  return class == '' or diedOf == class
end

local page = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local found = {page[#page] or ''}
for i = 1, #page, 2 do
  if id == '' or string.sub(page[i], 1, #id) == id then
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

/** What the script is given of a filter. */
export function toSieve({ id, type, unit, since, until, status }: DeadLetterFilter): (string | number)[] {
  const statuses = status === undefined ? undefined : wantedStatuses(status);
  return [
    id === undefined ? '' : `${id}.`,
    type === undefined ? '' : `"type":${JSON.stringify(type)}`,
    unit === undefined ? '' : `"unit":${JSON.stringify(unit)}`,
    since ?? '',
    until ?? '',
    statuses?.least ?? '',
    statuses?.most ?? '',
    statuses === undefined ? (status ?? '') : '',
  ];
}
