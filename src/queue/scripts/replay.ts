import { ADMIT_BATCH } from './admit.ts';
import { NOTE_ACTION, REMEMBER_DISCARDED } from './note-action.ts';
import { NOTE_TAKEN } from './note-deaths.ts';

/**
 * Moves the dead letters that still exist to their queues, as one batch for each endpoint. The batches have priority 1:
 * fresh events go first.
 *
 * KEYS  stats, incidents; with an entry of the audit also the audit, the entry's counter
 * ARGV  prefix of all deliveries, dead-letters prefix, the batches' job id, now, the entry of the audit ('': none),
 *       n × (dead letter's job id, event as JSON, its type)
 * Returns the number of events that were replayed.
 */
export const REPLAY = `
${ADMIT_BATCH}
${NOTE_TAKEN}
${NOTE_ACTION}
local deliveries, deadPrefix, id, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local count, byType, counts = 0, {}, {}
-- If Redis is full, this fails before anything was changed.
if ARGV[8] then redis.call('HINCRBY', KEYS[1], 'replayed:' .. ARGV[8], 0) end
for i = 6, #ARGV, 3 do
  if redis.call('ZREM', deadPrefix .. 'prioritized', ARGV[i]) == 1 then
    redis.call('DEL', deadPrefix .. ARGV[i])
    local kind = ARGV[i + 2]
    byType[kind] = byType[kind] or {}
    table.insert(byType[kind], ARGV[i + 1])
    counts[kind] = #byType[kind]
    count = count + 1
  end
end
for kind, events in pairs(byType) do
  redis.call('HINCRBY', KEYS[1], 'replayed:' .. kind, #events)
  admitBatch(KEYS[1], deliveries .. ':' .. kind .. ':', id, #events, batchOf(events), now, 1)
end
noteTaken(KEYS[1], KEYS[2], counts, true)
noteAction(KEYS[3], ARGV[5], KEYS[4], count)
return count
`;

/**
 * Removes dead letters for good.
 *
 * KEYS  stats, incidents; with an entry of the audit also the audit, the entry's counter, discarded events
 * ARGV  dead-letters prefix, the entry of the audit ('': none), by whom,
 *       n × (dead letter's job id, its type, its record or '')
 * Returns how many there were.
 */
export const DISCARD = `
${NOTE_TAKEN}
${NOTE_ACTION}
${REMEMBER_DISCARDED}
local count, byType, records = 0, {}, {}
for i = 4, #ARGV, 3 do
  if redis.call('ZREM', ARGV[1] .. 'prioritized', ARGV[i]) == 1 then
    redis.call('DEL', ARGV[1] .. ARGV[i])
    count = count + 1
    byType[ARGV[i + 1]] = (byType[ARGV[i + 1]] or 0) + 1
    if ARGV[i + 2] ~= '' then records[#records + 1] = ARGV[i + 2] end
  end
end
for kind, discarded in pairs(byType) do redis.call('HINCRBY', KEYS[1], 'discarded:' .. kind, discarded) end
noteTaken(KEYS[1], KEYS[2], byType, false)
noteAction(KEYS[3], ARGV[2], KEYS[4], count)
if ARGV[2] ~= '' then rememberDiscarded(KEYS[5], ARGV[3], records) end
return count
`;
