import { KEEP_CLOSED_MS } from '../../core/incident.ts';
import { ENDPOINT_TYPES } from './endpoint-types.ts';
import { DELIVERED_OF } from './note-deaths.ts';
import { GO_ON_WHEN_FULL } from './when-full.ts';

// All that write go on while Redis is full: an outage fills it, and has to be told.

/** How many notices that were told are kept of a client. */
const KEEP_TOLD = 200;

/** How many closed incidents of a client are remembered. */
const KEEP_CLOSED = 50;

/**
 * Reads a client's incidents, and how its endpoints are.
 *
 * KEYS  incidents, stats
 * ARGV  the client's prefix
 * Returns {incidents as fields and values in turns, for each endpoint that is not known to be well {type, verdict as
 * JSON or '', refused events in a row, since when}, now in ms since the epoch}.
 */
export const READ_INCIDENTS = `
${ENDPOINT_TYPES}
local time = redis.call('TIME')
local endpoints = {}
for _, kind in ipairs(endpointTypes(KEYS[2])) do
  local verdict = redis.call('HGET', ARGV[1] .. ':pace:' .. kind, 'verdict')
  local run = redis.call('HMGET', ARGV[1] .. ':course:' .. kind, 'run', 'runFrom')
  if verdict or run[1] then endpoints[#endpoints + 1] = {kind, verdict or '', run[1] or '0', run[2] or '0'} end
end
return {redis.call('HGETALL', KEYS[1]), endpoints, time[1] * 1000 + math.floor(time[2] / 1000)}
`;

/**
 * Opens an incident unless one is open, or opens one again that is over, with its course.
 *
 * KEYS  incidents, stats, closed incidents, course, details of the one that is over
 * ARGV  type, the closed incident as its list has it ('': a new one), n × (field, value)
 * Returns 1, or 0 if nothing was changed.
 */
export const OPEN_INCIDENT = `
${DELIVERED_OF}
local of, closed = ARGV[1] .. ':', ARGV[2]
if redis.call('HEXISTS', KEYS[1], of .. 'openedAt') == 1 then return 0 end
${GO_ON_WHEN_FULL}if closed ~= '' then
  if redis.call('LREM', KEYS[3], 1, closed) == 0 then return 0 end
  local details = cjson.decode(redis.call('GET', KEYS[5]) or '{}')
  for field, count in pairs(details.course or {}) do
    if string.match(field, '^%d') then redis.call('HINCRBY', KEYS[4], field, count) end
  end
  if redis.call('EXISTS', KEYS[4]) == 1 then redis.call('PEXPIRE', KEYS[4], ${KEEP_CLOSED_MS}) end
  if details.examples then redis.call('HSET', KEYS[1], of .. 'examples', details.examples) end
  redis.call('DEL', KEYS[5])
end
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], of .. ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[1], of .. 'delivered', string.format('%d', deliveredOf(KEYS[2], ARGV[1])))
return 1
`;

/**
 * Changes an incident, closes or drops it, unless somebody else changed it since it was read. The course and the
 * examples of one that closes are kept apart from the list.
 *
 * KEYS  incidents, closed incidents, course, details of the closed incident
 * ARGV  type, numbers of the incident as they were read (JSON: those that are absent are 0), the closed incident
 *       ('': it stays open; 'dropped': it is forgotten), n × (field, value)
 * Returns 1, or 0 if nothing was changed.
 */
export const CHANGE_INCIDENT = `
local of = ARGV[1] .. ':'
for what, seen in pairs(cjson.decode(ARGV[2])) do
  if tonumber(redis.call('HGET', KEYS[1], of .. what) or 0) ~= seen then return 0 end
end
${GO_ON_WHEN_FULL}if ARGV[3] ~= '' then
  local examples = redis.call('HGET', KEYS[1], of .. 'examples')
  for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
    if string.sub(field, 1, #of) == of then redis.call('HDEL', KEYS[1], field) end
  end
  if ARGV[3] ~= 'dropped' then
    local course, fields = {}, redis.call('HGETALL', KEYS[3])
    for i = 1, #fields, 2 do course[fields[i]] = fields[i + 1] end
    local details = cjson.encode({course = course, examples = examples or nil})
    redis.call('SET', KEYS[4], details, 'PX', ${KEEP_CLOSED_MS})
    redis.call('DEL', KEYS[3])
    redis.call('LPUSH', KEYS[2], ARGV[3])
    redis.call('LTRIM', KEYS[2], 0, ${KEEP_CLOSED - 1})
    redis.call('PEXPIRE', KEYS[2], ${KEEP_CLOSED_MS})
  end
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

/**
 * Forgets a notice, and writes down what became of it. HDEL comes first, which takes no memory: see GO_ON_WHEN_FULL.
 *
 * KEYS  incidents, told
 * ARGV  the notice's field, what became of it
 */
export const FORGET_NOTICE = `
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('LPUSH', KEYS[2], ARGV[2])
redis.call('LTRIM', KEYS[2], 0, ${KEEP_TOLD - 1})
redis.call('PEXPIRE', KEYS[2], ${KEEP_CLOSED_MS})
return 1
`;
