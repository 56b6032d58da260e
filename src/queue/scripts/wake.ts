/**
 * The channel on which the workers of all processes hear of work: `<due> <queue's prefix>`, due in ms since the epoch,
 * 0: at once; and of verdicts on the pace of an endpoint: `pace <queue's prefix> <verdict as JSON>`.
 */
export const WORK_CHANNEL = 'wb:work';

/**
 * `workDue(prefix)`: when a worker can next take a job of a queue (ms since the epoch; 0: at once; infinite: not before
 * something changes). `wakeWorkers(prefix, before)`: publishes it if that is sooner than it was before. A worker that
 * waits knows when work is due, so a queue that had jobs to take already needs no further message.
 *
 * A refused message (an ACL without the channel) must not fail a script that has written: then the regular look at all
 * queues finds the work.
 */
export const WAKE = `
local function workDue(prefix)
  if redis.call('HEXISTS', prefix .. 'meta', 'paused') == 1 then return math.huge end
  if redis.call('EXISTS', prefix .. 'wait', prefix .. 'prioritized') > 0 then return 0 end
  local first = redis.call('ZRANGE', prefix .. 'delayed', 0, 0, 'WITHSCORES')
  return first[2] and math.floor(tonumber(first[2]) / 0x1000) or math.huge
end
local function wakeWorkers(prefix, before)
  if before == 0 then return end
  local due = workDue(prefix)
  if due < before then redis.pcall('PUBLISH', '${WORK_CHANNEL}', string.format('%d %s', due, prefix)) end
end
`;
