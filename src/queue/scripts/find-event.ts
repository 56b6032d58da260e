import { ENDPOINT_TYPES } from './endpoint-types.ts';

/** Lives in which a dead letter, or a retry with a job of its own, is asked for by its name. */
const DEAD_LIVES = 200;
const RETRIED_LIVES = 8;
/** As many retries as the configuration allows. */
const ATTEMPTS = 20;

/**
 * Looks for an event under the names that its id gives: its dead letter, and its retry with a job of its own. In the
 * same step it finds the queues whose jobs may hold the event under another name.
 *
 * KEYS  stats
 * ARGV  dead-letters prefix, id, prefix of all deliveries
 * Returns {dead letter or '', batch of the retry or '', its score in delayed or '',
 *         how many events were ever replayed, the prefixes of the queues that have jobs}.
 */
export const FIND_BY_NAME = `
${ENDPOINT_TYPES}
local deadPrefix, id, replayed, queues = ARGV[1], ARGV[2], 0, {}
for life = 0, ${DEAD_LIVES - 1} do
  local dead = redis.call('HGET', deadPrefix .. id .. '.' .. life, 'data')
  if dead then return {dead, '', '', 0, {}} end
end
for _, kind in ipairs(endpointTypes(KEYS[1])) do
  local prefix = ARGV[3] .. ':' .. kind .. ':'
  for life = 0, ${RETRIED_LIVES - 1} do
    for attempt = 0, ${ATTEMPTS} do
      local job = id .. '.' .. life .. '.' .. attempt
      local data = redis.call('HGET', prefix .. job, 'data')
      if data then return {'', data, redis.call('ZSCORE', prefix .. 'delayed', job) or '', 0, {}} end
    end
  end
  local hasJobs = redis.call('EXISTS', prefix .. 'active', prefix .. 'delayed', prefix .. 'prioritized',
    prefix .. 'failed', prefix .. 'wait') > 0
  if hasJobs then queues[#queues + 1] = prefix end
  replayed = replayed + tonumber(redis.call('HGET', KEYS[1], 'replayed:' .. kind) or 0)
end
return {'', '', '', replayed, queues}
`;

/** Redis searches about 500,000 bytes in a millisecond. */
const BYTES_A_CALL = 500_000;

/**
 * Reads the jobs whose data contains a text, be it in a payload, until it has read enough.
 *
 * KEYS  delayed
 * ARGV  the queue's prefix, the text, n × job id
 * Returns {number of jobs that were read, m × (data, score in delayed or '')}.
 */
export const READ_JOBS = `
local prefix, text, bytes, found = ARGV[1], ARGV[2], 0, {#ARGV - 2}
for i = 3, #ARGV do
  local data = redis.call('HGET', prefix .. ARGV[i], 'data') or ''
  if string.find(data, text, 1, true) then
    found[#found + 1] = data
    found[#found + 1] = redis.call('ZSCORE', KEYS[1], ARGV[i]) or ''
  end
  bytes = bytes + #data
  if bytes > ${BYTES_A_CALL} then
    found[1] = i - 2
    return found
  end
end
return found
`;
