import { FIND_DELIVERED } from './remember-delivered.ts';

/** Lives and attempts whose jobs are asked for by name; the search finds those beyond. */
const NAMED_LIVES = 8;
const NAMED_ATTEMPTS = 20;

/**
 * Looks for an event where its id alone leads: among the dead letters, the retries that have a job of their own,
 * and the events that were delivered. Says in the same step how many other jobs the client has that may hold it.
 *
 * KEYS  the list of delivered events that is the id's
 * ARGV  deliveries prefix, dead-letters prefix, id, what stands for the id among delivered events
 * Returns {'dead', event}, {'job', batch, score in delayed or ''}, {'delivered', head of the element},
 *         {'none', jobs, where to go on in the list of delivered events or -1}.
 */
export const FIND_DIRECTLY = `
${FIND_DELIVERED}
local prefix, deadPrefix, id = ARGV[1], ARGV[2], ARGV[3]
for life = 0, ${NAMED_LIVES - 1} do
  local dead = redis.call('HGET', deadPrefix .. id .. '.' .. life, 'data')
  if dead then return {'dead', dead} end
  for attempt = 0, ${NAMED_ATTEMPTS} do
    local job = id .. '.' .. life .. '.' .. attempt
    local data = redis.call('HGET', prefix .. job, 'data')
    if data then return {'job', data, redis.call('ZSCORE', prefix .. 'delayed', job) or ''} end
  end
end
local head, next = findDelivered(KEYS[1], 0, ARGV[4])
if head then return {'delivered', head} end
local jobs = 0
for _, list in ipairs({'wait', 'paused', 'active'}) do jobs = jobs + redis.call('LLEN', prefix .. list) end
for _, set in ipairs({'prioritized', 'delayed', 'failed'}) do jobs = jobs + redis.call('ZCARD', prefix .. set) end
return {'none', jobs, next or -1}
`;

/** KEYS list of delivered events. ARGV from, what stands for the id. Returns {head or '', where to go on or -1}. */
export const FIND_IN_DELIVERED = `
${FIND_DELIVERED}
local head, next = findDelivered(KEYS[1], tonumber(ARGV[1]), ARGV[2])
return {head or '', next or -1}
`;

/** What one call of the search looks through at the most, so that it takes Redis about a millisecond. */
const READS_A_CALL = 400;
const JOBS_A_CALL = 4_000;
const BYTES_A_CALL = 500_000;
const JOBS_A_STEP = 100;

/**
 * Looks through a part of a queue's jobs for those that hold an event: those that are named for it, and those
 * whose data has the id in it, be it within a payload. A list is read from its head, where jobs come in, so that
 * none that stays in it is missed; SCAN promises the same for a sorted set.
 *
 * KEYS  the list or sorted set; where the jobs are named: any
 * ARGV  the queue's prefix, id, list | set | named, where to go on from (0 at first), n × job id: those to read where
 *       they are named, those to stop at in a list
 * Returns {where to go on or -1, {job ids that there was no room to read}, n × (data, score in delayed or '')}.
 */
export const SEARCH_JOBS = `
local prefix, id, kind, from = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
-- Hyphens are rarer in JSON than digits, and so the text is gone through faster.
local needle = string.sub(id, 14)
local unread, jobs, reads, bytes = {}, 0, 0, 0
local answer = {-1, unread}
local function look(job)
  jobs = jobs + 1
  -- Of one event: <its id>.<life> and so on.
  local isApart = string.byte(job, 37) == 46
  if isApart and string.sub(job, 1, 36) ~= id then return end
  if bytes > ${BYTES_A_CALL} or reads >= ${READS_A_CALL} then
    unread[#unread + 1] = job
    return
  end
  local data = redis.call('HGET', prefix .. job, 'data')
  if not data then return end
  reads = reads + 1
  bytes = bytes + #data
  if not isApart and not string.find(data, needle, 1, true) then return end
  answer[#answer + 1] = data
  answer[#answer + 1] = redis.call('ZSCORE', prefix .. 'delayed', job) or ''
end
if kind == 'named' then
  for i = 5, #ARGV do look(ARGV[i]) end
  return answer
end
repeat
  local page
  if kind == 'list' then
    page = redis.call('LRANGE', KEYS[1], from, from + ${JOBS_A_STEP - 1})
    from = from + ${JOBS_A_STEP}
    for _, job in ipairs(page) do
      if job == ARGV[5] or job == ARGV[6] then return answer end
      look(job)
    end
    if #page < ${JOBS_A_STEP} then return answer end
  else
    from, page = unpack(redis.call('ZSCAN', KEYS[1], from, 'COUNT', ${JOBS_A_STEP}))
    for i = 1, #page, 2 do look(page[i]) end
    if from == '0' then return answer end
  end
until #unread > 0 or bytes > ${BYTES_A_CALL} or reads >= ${READS_A_CALL} or jobs >= ${JOBS_A_CALL}
answer[1] = from
return answer
`;

/**
 * The place in a list of batches where those begin that were made before an event, as far as they stand in the
 * order of their ids: a retry that waits again does not, and may mislead the search.
 *
 * KEYS  the list, newest first
 * ARGV  id
 */
export const NARROW = `
local low, high = 0, redis.call('LLEN', KEYS[1])
while low < high do
  local middle = math.floor((low + high) / 2)
  local job = redis.call('LINDEX', KEYS[1], middle)
  if job and job > ARGV[1] then low = middle + 1 else high = middle end
end
return low
`;
