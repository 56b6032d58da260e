import { ADD_JOB } from './bullmq-functions.ts';

/**
 * Puts new batches into a client's queue, all or none.
 *
 * KEYS  stats
 * ARGV  deliveries prefix, now, number of events, n × (job id, name, data)
 */
export const ADMIT = `
${ADD_JOB}
redis.call('HINCRBY', KEYS[1], 'accepted', ARGV[3])
for i = 4, #ARGV, 3 do
  addJob(ARGV[1], ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[2], 0, 0)
end
return 1
`;
