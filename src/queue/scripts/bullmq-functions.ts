import {
  addDelayedJob,
  addPrioritizedJob,
  addStandardJob,
  moveJobFromActiveToWait,
  moveToDelayed,
  pause,
  promote,
} from 'bullmq/dist/cjs/scripts/index.js';

/**
 * BullMQ's own Lua scripts as Lua functions of (KEYS, ARGV), so that several of them run in one atomic step.
 * Nothing of them is written again here: they come from the pinned version's package.
 */
function asFunctions(...scripts: readonly { name: string; content: string }[]): string {
  return scripts
    .map(({ name, content }) => `local function ${name}(KEYS, ARGV)\n${content}\nend\n`)
    .join('\n');
}

/**
 * `addJob(prefix, id, name, data, now, delay, priority)`: what `queue.add` does. A job id that exists already
 * is left as it is, so adding twice is once. The event stream is kept empty: Waybill does not read it.
 */
export const ADD_JOB = `
${asFunctions(addStandardJob, addDelayedJob, addPrioritizedJob)}
local function addJob(prefix, id, name, data, now, delay, priority)
  redis.call('HSETNX', prefix .. 'meta', 'opts.maxLenEvents', 0)
  local packed = cmsgpack.pack({prefix, id, name, now})
  if delay > 0 then
    addDelayedJob(
      {prefix .. 'marker', prefix .. 'meta', prefix .. 'id', prefix .. 'delayed', prefix .. 'completed',
       prefix .. 'events'},
      {packed, data, cmsgpack.pack({delay = delay, priority = priority})})
  elseif priority > 0 then
    addPrioritizedJob(
      {prefix .. 'marker', prefix .. 'meta', prefix .. 'id', prefix .. 'prioritized', prefix .. 'delayed',
       prefix .. 'completed', prefix .. 'active', prefix .. 'events', prefix .. 'pc'},
      {packed, data, cmsgpack.pack({priority = priority})})
  else
    addStandardJob(
      {prefix .. 'wait', prefix .. 'paused', prefix .. 'meta', prefix .. 'id', prefix .. 'completed',
       prefix .. 'delayed', prefix .. 'active', prefix .. 'events', prefix .. 'marker'},
      {packed, data, cmsgpack.pack({priority = 0})})
  end
end
`;

/** `setPaused(prefix, state)`, state: paused | resumed. What `queue.pause` and `queue.resume` do. */
export const SET_PAUSED = `
${asFunctions(pause)}
local function setPaused(prefix, state)
  pause(
    {prefix .. (state == 'paused' and 'wait' or 'paused'), prefix .. (state == 'paused' and 'paused' or 'wait'),
     prefix .. 'meta', prefix .. 'prioritized', prefix .. 'events', prefix .. 'delayed', prefix .. 'marker'},
    {state, '0'})
end
`;

/** `promoteJob(prefix, id)`: what `job.promote` does, where the job is delayed. */
export const PROMOTE = `
${asFunctions(promote)}
local function promoteJob(prefix, id)
  return promote(
    {prefix .. 'delayed', prefix .. 'wait', prefix .. 'paused', prefix .. 'meta', prefix .. 'prioritized',
     prefix .. 'active', prefix .. 'pc', prefix .. 'events', prefix .. 'marker'},
    {prefix, id})
end
`;

/**
 * The three ways in which an open batch leaves the active list, once its lock was checked. A batch that is done
 * is removed: what BullMQ's moveToFinished does with removeOnComplete, without the parents, deduplication,
 * metrics and events that Waybill has no use for; it costs Redis a fifth.
 */
export const LEAVE_ACTIVE = `
${asFunctions(moveToDelayed, moveJobFromActiveToWait)}
local function completeJob(prefix, id)
  redis.call('LREM', prefix .. 'active', -1, id)
  redis.call('SREM', prefix .. 'stalled', id)
  redis.call('DEL', prefix .. id, prefix .. id .. ':lock')
end
local function delayJob(prefix, id, token, now, delay)
  return moveToDelayed(
    {prefix .. 'marker', prefix .. 'active', prefix .. 'prioritized', prefix .. 'delayed', prefix .. id,
     prefix .. 'events', prefix .. 'meta', prefix .. 'stalled', prefix .. 'wait', prefix .. 'limiter',
     prefix .. 'pc'},
    {prefix, now, id, token, delay, '1', '', '0', ''})
end
local function putBackJob(prefix, id, token)
  return moveJobFromActiveToWait(
    {prefix .. 'active', prefix .. 'wait', prefix .. 'stalled', prefix .. 'paused', prefix .. 'meta',
     prefix .. 'limiter', prefix .. 'prioritized', prefix .. 'marker', prefix .. 'events'},
    {id, token, prefix .. id})
end
`;
