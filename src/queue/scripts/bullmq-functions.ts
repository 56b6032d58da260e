import type { LuaScript } from 'bullmq/dist/cjs/scripts/*';
import { addDelayedJob } from 'bullmq/dist/cjs/scripts/addDelayedJob-6.js';
import { addPrioritizedJob } from 'bullmq/dist/cjs/scripts/addPrioritizedJob-9.js';
import { addStandardJob } from 'bullmq/dist/cjs/scripts/addStandardJob-9.js';

/*
 * BullMQ keeps a queue in `wait` (list), `active` (list), `prioritized` and `delayed` (sorted sets), `stalled` (set),
 * `meta` (hash, field `paused`), a hash for each job, `<job>:lock`, and `marker`, a sorted set by which its own waiting
 * workers learn of work. Waybill's hear of it by messages (wake.ts), and do not read the marker.
 */

/** A script of BullMQ, and how many keys Waybill gives it: what each of them is, only its Lua says. */
export type UsedScript = readonly [script: LuaScript, keys: number];

/** @throws Error if the installed version of BullMQ takes other keys than Waybill gives */
export function expectKeys([{ name, keys }, given]: UsedScript): void {
  if (keys === given) return;
  throw new Error(
    `BullMQ's script ${name} takes ${keys} keys, and Waybill gives ${given}: see "waybill docs bullmq"`,
  );
}

/**
 * BullMQ's own Lua scripts as Lua functions of (KEYS, ARGV), so that several of them run in one atomic step. Nothing
 * of them is written again here: they come from the pinned version's package.
 */
function asFunctions(...used: readonly UsedScript[]): string {
  for (const each of used) expectKeys(each);
  return used
    .map(([{ name, content }]) => `local function ${name}(KEYS, ARGV)\n${content}\nend\n`)
    .join('\n');
}

/**
 * `addJob(prefix, id, name, data, now, delay, priority)`: what `queue.add` does. A job id that exists already
 * is left as it is, so adding twice is once. The event stream is kept empty: Waybill does not read it.
 */
export const ADD_JOB = `
${asFunctions([addStandardJob, 9], [addDelayedJob, 6], [addPrioritizedJob, 9])}
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

/**
 * The three ways in which an open batch leaves the active list, once its lock was checked: what BullMQ's moveToFinished
 * (with removeOnComplete), moveToDelayed and moveJobFromActiveToWait do, without parents, deduplication, metrics and
 * events, which Waybill has no use for. A delayed job's score is its due time in milliseconds × 0x1000.
 */
export const LEAVE_ACTIVE = `
local function leaveActive(prefix, id)
  redis.call('LREM', prefix .. 'active', -1, id)
  redis.call('SREM', prefix .. 'stalled', id)
  redis.call('DEL', prefix .. id .. ':lock')
end
local function completeJob(prefix, id)
  leaveActive(prefix, id)
  redis.call('DEL', prefix .. id)
end
local function delayJob(prefix, id, now, delay)
  leaveActive(prefix, id)
  redis.call('HSET', prefix .. id, 'delay', delay)
  redis.call('ZADD', prefix .. 'delayed', (now + delay) * 0x1000, id)
end
local function putBackJob(prefix, id)
  leaveActive(prefix, id)
  local priority = tonumber(redis.call('HGET', prefix .. id, 'priority')) or 0
  if priority > 0 then
    redis.call('ZADD', prefix .. 'prioritized', priority * 0x100000000, id)
  else
    redis.call('RPUSH', prefix .. 'wait', id)
  end
end
`;
