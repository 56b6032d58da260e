import { LOOK_AT_HEAD, LOOK_AT_INCIDENTS } from './overview.ts';

/**
 * Looks at what one client's queue holds at a cost that does not depend on its length: of each state the jobs are
 * counted, and the events of the first few; a job's name is the number of its events.
 *
 * KEYS  wait
 * ARGV  deliveries prefix, dead-letters prefix, stats, incidents, how many jobs of a state are looked into
 * Returns {for how many ms the first batch has waited, number of dead letters, number of broken jobs, for each of
 * wait, prioritized, active, delayed: jobs, those looked into, their events; stats as fields and values in turns, and
 * the number of open incidents}.
 */
export const CLIENT_LOOK = `
local prefix, deadPrefix, stats, incidents, most = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
${LOOK_AT_HEAD}
${LOOK_AT_INCIDENTS}
local function count(state, size, range)
  local key = prefix .. state
  local jobs = redis.call(size, key)
  if jobs == 0 then return {0, 0, 0} end
  local ids = redis.call(range, key, 0, most - 1)
  local events = 0
  for _, id in ipairs(ids) do
    events = events + (tonumber(redis.call('HGET', prefix .. id, 'name') or '0') or 0)
  end
  return {jobs, #ids, events}
end
return {
  now - since, redis.call('ZCARD', deadPrefix .. 'prioritized'), redis.call('ZCARD', prefix .. 'failed'),
  count('wait', 'LLEN', 'LRANGE'), count('prioritized', 'ZCARD', 'ZRANGE'),
  count('active', 'LLEN', 'LRANGE'), count('delayed', 'ZCARD', 'ZRANGE'),
  redis.call('HGETALL', stats), #failing,
}
`;
