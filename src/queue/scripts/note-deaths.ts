/**
 * `noteDeaths(incidents, stats, now, deaths, standing, again)`: counts deaths into the incidents of their types, each
 * {type, kind (class:status), count, since (when they began to fail)}, and opens those that are not open. What was delivered by then is remembered: whatever is delivered later shows that the endpoint
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
local function noteDeaths(incidents, stats, now, deaths, standing, again)
  if #deaths == 0 then return end
  local delivered = deliveredByType(stats)
  for _, death in ipairs(deaths) do
    local of = death.type .. ':'
    redis.call('HSETNX', incidents, of .. 'openedAt', now)
    redis.call('HINCRBY', incidents, of .. 'count', death.count)
    redis.call('HINCRBY', incidents, of .. 'left', death.count)
    redis.call('HINCRBY', incidents, of .. 'of:' .. death.kind, death.count)
    local since = redis.call('HGET', incidents, of .. 'failingSince')
    if not since or death.since < tonumber(since) then
      redis.call('HSET', incidents, of .. 'failingSince', death.since)
    end
    redis.call('HSET', incidents, of .. 'lastAt', now,
      of .. 'delivered', string.format('%d', delivered[death.type] or 0))
  end
  for name, count in pairs(standing) do redis.call('HINCRBY', incidents, name .. ':left', -count) end
  for name, count in pairs(again) do
    local out = tonumber(redis.call('HGET', incidents, name .. ':replayed') or 0)
    redis.call('HSET', incidents, name .. ':replayed', math.max(0, out - count))
  end
end
`;

/**
 * `noteTaken(stats, incidents, taken, replayed)`: so many dead letters by type were taken out; those that are replayed
 * may still show whether the endpoint works.
 */
export const NOTE_TAKEN = `
local function noteTaken(stats, incidents, taken, replayed)
  for name, count in pairs(taken) do
    redis.call('HINCRBY', stats, 'letters:' .. name, -count)
    if redis.call('HEXISTS', incidents, name .. ':left') == 1 then
      redis.call('HINCRBY', incidents, name .. ':left', -count)
      if replayed then redis.call('HINCRBY', incidents, name .. ':replayed', count) end
    end
  end
end
`;
