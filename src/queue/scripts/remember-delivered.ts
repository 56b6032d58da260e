import { RECORD_HEAD, RECORD_TAIL } from '../delivered-record.ts';

/**
 * `rememberDelivered(keepMs, first)`: adds the records that stand in ARGV from `first` on, n × (list, text). They
 * are the first that a script writes: Redis refuses that one where it is full, and then they are left out, rather
 * than that a full Redis grows by what was delivered. The expiry is written once in a while only.
 */
export const REMEMBER_DELIVERED = `
local function rememberDelivered(keepMs, first)
  for i = first, #ARGV, 2 do
    if type(redis.pcall('RPUSH', ARGV[i], ARGV[i + 1])) ~= 'number' then return end
    if redis.call('PTTL', ARGV[i]) < keepMs then
      redis.call('PEXPIRE', ARGV[i], math.ceil(keepMs * 1.125))
    end
  end
end
`;

/** Elements that are looked through in one call: 0.4 ms where each holds 50 events. */
const ELEMENTS = 1_000;

/**
 * `findDelivered(list, from, tail)`: looks for an event in a part of a list.
 * Returns the head of the element that names it, or false; and where to go on, or false at the list's end.
 */
export const FIND_DELIVERED = `
local function findDelivered(list, from, tail)
  local texts = redis.call('LRANGE', list, from, from + ${ELEMENTS - 1})
  for _, text in ipairs(texts) do
    local place = string.find(text, tail, ${RECORD_HEAD + 1}, true)
    while place do
      if (place - ${RECORD_HEAD + 1}) % ${RECORD_TAIL} == 0 then return string.sub(text, 1, ${RECORD_HEAD}), false end
      place = string.find(text, tail, place + 1, true)
    end
  end
  return false, #texts == ${ELEMENTS} and from + ${ELEMENTS}
end
`;
