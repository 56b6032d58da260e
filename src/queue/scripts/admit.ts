import { ADD_JOB } from './bullmq-functions.ts';

/**
 * Puts new batches into a client's queue, all or none. A batch that is there already is neither added nor
 * counted again. The counter comes first: where Redis is full, that write fails before anything was changed.
 *
 * KEYS  stats
 * ARGV  deliveries prefix, now, n × (job id, number of events, data, numbers of events by type: 'a 2 b 1')
 */
export const ADMIT = `
${ADD_JOB}
redis.call('HINCRBY', KEYS[1], 'accepted', 0)
local accepted, byType = 0, {}
for i = 3, #ARGV, 4 do
  if redis.call('EXISTS', ARGV[1] .. ARGV[i]) == 0 then
    addJob(ARGV[1], ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[2], 0, 0)
    accepted = accepted + ARGV[i + 1]
    for name, count in string.gmatch(ARGV[i + 3], '(%S+) (%d+)') do
      byType[name] = (byType[name] or 0) + count
    end
  end
end
redis.call('HINCRBY', KEYS[1], 'accepted', accepted)
for name, count in pairs(byType) do redis.call('HINCRBY', KEYS[1], 'accepted:' .. name, count) end
return 1
`;
