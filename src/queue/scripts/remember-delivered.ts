import { RECORD_EVENT, RECORD_HEAD } from '../delivered-record.ts';

/**
 * `rememberDelivered(keepMs, index, slots, first, now)`: adds to the list of each slot the record that stands in ARGV
 * from `first` on. A script writes them first: a full Redis refuses that, and does not grow by what was delivered. The
 * expiry is written once in a while only, and with it, in the index, which lists there are.
 */
export const REMEMBER_DELIVERED = `
local function rememberDelivered(keepMs, index, slots, first, now)
  for i, slot in ipairs(slots) do
    local list = index .. ':' .. slot
    if type(redis.pcall('RPUSH', list, ARGV[first + i - 1])) ~= 'number' then return end
    if redis.call('PTTL', list) < keepMs then
      local forMs = math.ceil(keepMs * 1.125)
      redis.call('PEXPIRE', list, forMs)
      if type(redis.pcall('ZADD', index, now + forMs, slot)) == 'number' then
        redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
        redis.call('PEXPIRE', index, forMs)
      end
    end
  end
end
`;

/** Elements that are searched in one call: 0.4 ms if each holds 50 events. */
const ELEMENTS = 1_000;

/**
 * Looks for an event in a part of a list of delivered events.
 *
 * KEYS  the list
 * ARGV  the element to begin with, the event's id in binary without its slot
 * Returns {the element that holds the event or -1, the element to go on with or -1}.
 */
export const FIND_DELIVERED = `
local from, id = tonumber(ARGV[1]), ARGV[2]
local texts = redis.call('LRANGE', KEYS[1], from, from + ${ELEMENTS - 1})
for i, text in ipairs(texts) do
  local place = string.find(text, id, ${RECORD_HEAD + 1}, true)
  while place do
    if (place - ${RECORD_HEAD + 1}) % ${RECORD_EVENT} == 0 then return {from + i - 1, -1} end
    place = string.find(text, id, place + 1, true)
  end
end
return {-1, #texts == ${ELEMENTS} and from + ${ELEMENTS} or -1}
`;
