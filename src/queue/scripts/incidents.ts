import { KEEP_CLOSED_MS } from '../../core/incident.ts';
import { GO_ON_WHEN_FULL } from './when-full.ts';

// Both go on while Redis is full: an outage fills it, and has to be told.

/** How many closed incidents of a client are remembered. */
const KEEP_CLOSED = 50;

/**
 * Changes an incident, or closes it, unless somebody else changed it since it was read.
 *
 * KEYS  incidents, closed incidents
 * ARGV  type, numbers of the incident as they were read (JSON: those that are absent are 0), the closed incident
 *       ('': it stays open), n × (field, value)
 * Returns 1, or 0 if nothing was changed.
 */
export const CHANGE_INCIDENT = `
local of = ARGV[1] .. ':'
for what, seen in pairs(cjson.decode(ARGV[2])) do
  if tonumber(redis.call('HGET', KEYS[1], of .. what) or 0) ~= seen then return 0 end
end
${GO_ON_WHEN_FULL}if ARGV[3] ~= '' then
  for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
    if string.sub(field, 1, #of) == of then redis.call('HDEL', KEYS[1], field) end
  end
  redis.call('LPUSH', KEYS[2], ARGV[3])
  redis.call('LTRIM', KEYS[2], 0, ${KEEP_CLOSED - 1})
  redis.call('PEXPIRE', KEYS[2], ${KEEP_CLOSED_MS})
end
for i = 4, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1
`;

/**
 * Claims a client's notices for one channel, or renews the claim, unless another monitor has it.
 *
 * KEYS  claim
 * ARGV  the monitor's name, for how many ms
 * Returns 1, or 0 if another one has it.
 */
export const CLAIM_NOTICES = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
${GO_ON_WHEN_FULL}redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`;
