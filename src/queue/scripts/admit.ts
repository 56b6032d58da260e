import { ADD_JOB } from './bullmq-functions.ts';

/**
 * Puts new batches into a client's queue, all or none. A batch that is there already is neither added nor
 * counted again. The counter comes first: where Redis is full, that write fails before anything was changed.
 *
 * KEYS  stats
 * ARGV  deliveries prefix, now, n × (job id, number of events, data)
 */
export const ADMIT = `
${ADD_JOB}
redis.call('HINCRBY', KEYS[1], 'accepted', 0)
local accepted = 0
for i = 3, #ARGV, 3 do
  if redis.call('EXISTS', ARGV[1] .. ARGV[i]) == 0 then
    addJob(ARGV[1], ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[2], 0, 0)
    accepted = accepted + ARGV[i + 1]
  end
end
redis.call('HINCRBY', KEYS[1], 'accepted', accepted)
return 1
`;
