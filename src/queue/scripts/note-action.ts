import { KEEP_AUDIT_MS } from '../../core/audit.ts';
import { ID_BYTES } from '../compact-event.ts';

/**
 * `addKept(stream, ...)`: adds fields to a stream, and removes what is older than the audit is kept. The time is that
 * of Redis: a clock that is wrong on some operator's machine must not empty the audit.
 */
const ADD_KEPT = `
local function addKept(stream, ...)
  local from = redis.call('TIME')[1] * 1000 - ${KEEP_AUDIT_MS}
  redis.call('XADD', stream, 'MINID', string.format('%d', from), '*', ...)
end
`;

/**
 * `noteAction(audit, entry, counter, count)`: writes an entry ('': none) into the audit, for a script that did what the
 * entry says. An action of several steps has a counter: its first step writes the entry, each adds to the counter.
 * What fails in here must not fail the action.
 */
export const NOTE_ACTION = `
${ADD_KEPT}
local function noteAction(audit, entry, counter, count)
  if entry == '' or count == 0 then return end
  pcall(function()
    if not counter or redis.call('EXISTS', counter) == 0 then addKept(audit, 'entry', entry) end
    if counter then
      redis.call('INCRBY', counter, count)
      redis.call('PEXPIRE', counter, ${KEEP_AUDIT_MS})
    end
  end)
end
`;

/**
 * `rememberDiscarded(discarded, by, records)`: adds the events of one step to the stream of discarded ones: who, and a
 * record of each event. Goes behind `NOTE_ACTION`.
 */
export const REMEMBER_DISCARDED = `
local function rememberDiscarded(discarded, by, records)
  local fields = {}
  for _, record in ipairs(records) do
    fields[#fields + 1] = 'event'
    fields[#fields + 1] = record
  end
  if #records > 0 then pcall(addKept, discarded, 'by', by, unpack(fields)) end
end
`;

/**
 * Writes an entry of what is no script of Redis.
 *
 * KEYS  audit
 * ARGV  entry
 */
export const NOTE = `
${ADD_KEPT}
addKept(KEYS[1], 'entry', ARGV[1])
return 1
`;

/** Steps that are searched in one call; each has 50 events at most by default. */
const STEPS = 200;

/**
 * Looks for an event among the latest discarded ones.
 *
 * KEYS  discarded
 * ARGV  the step to begin with, the oldest step, the event's id in binary
 * Returns {the event's step or '', by whom, the step to go on with or ''}.
 */
export const FIND_DISCARDED = `
local steps = redis.call('XREVRANGE', KEYS[1], ARGV[1], ARGV[2], 'COUNT', ${STEPS})
for _, step in ipairs(steps) do
  local fields = step[2]
  for i = 4, #fields, 2 do
    if string.sub(fields[i], 1, ${ID_BYTES}) == ARGV[3] then return {step[1], fields[2], ''} end
  end
end
return {'', '', #steps == ${STEPS} and '(' .. steps[#steps][1] or ''}
`;
