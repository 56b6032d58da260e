/**
 * `noteDeaths(incidents, stats, now, first, groups, standing, again)`: counts the deaths that stand in ARGV from `first` on
 * into the incidents of their types, groups × (type, class:status, how many, since when they failed), and opens those
 * that are not open. What was delivered by then is remembered: whatever is delivered later shows that the endpoint
 * works. `standing`: by type, those of them whose dead letter stood there before; they leave no further one.
 * `again`: by type, those that had been replayed, and are not on their way any more.
 */
export const NOTE_DEATHS = `
local function deliveredByType(stats)
  local sums = {}
  local fields = redis.call('HGETALL', stats)
  for i = 1, #fields, 2 do
    local name = string.match(fields[i], '^delivered:([^:]+):')
    if name then sums[name] = (sums[name] or 0) + tonumber(fields[i + 1]) end
  end
  return sums
end
local function noteDeaths(incidents, stats, now, first, groups, standing, again)
  if groups == 0 then return end
  local delivered = deliveredByType(stats)
  for i = first, first + 4 * groups - 1, 4 do
    local of = ARGV[i] .. ':'
    redis.call('HSETNX', incidents, of .. 'openedAt', now)
    redis.call('HINCRBY', incidents, of .. 'count', ARGV[i + 2])
    redis.call('HINCRBY', incidents, of .. 'left', ARGV[i + 2])
    redis.call('HINCRBY', incidents, of .. 'of:' .. ARGV[i + 1], ARGV[i + 2])
    local since = redis.call('HGET', incidents, of .. 'failingSince')
    if not since or tonumber(ARGV[i + 3]) < tonumber(since) then
      redis.call('HSET', incidents, of .. 'failingSince', ARGV[i + 3])
    end
    redis.call('HSET', incidents, of .. 'lastAt', now,
      of .. 'delivered', string.format('%d', delivered[ARGV[i]] or 0))
  end
  for name, count in pairs(standing) do redis.call('HINCRBY', incidents, name .. ':left', -count) end
  for name, count in pairs(again) do
    local out = tonumber(redis.call('HGET', incidents, name .. ':replayed') or 0)
    redis.call('HSET', incidents, name .. ':replayed', math.max(0, out - count))
  end
end
`;

/**
 * `noteTaken(incidents, taken, replayed)`: so many dead letters by type were taken out; those that are replayed may
 * still show whether the endpoint works.
 */
export const NOTE_TAKEN = `
local function noteTaken(incidents, taken, replayed)
  for name, count in pairs(taken) do
    if redis.call('HEXISTS', incidents, name .. ':left') == 1 then
      redis.call('HINCRBY', incidents, name .. ':left', -count)
      if replayed then redis.call('HINCRBY', incidents, name .. ':replayed', count) end
    end
  end
end
`;
