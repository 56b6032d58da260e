/** `deliveredOf(stats, kind)`: how many events of a type were ever delivered. */
export const DELIVERED_OF = `
local function deliveredOf(stats, kind)
  local sum, start = 0, 'delivered:' .. kind .. ':'
  local fields = redis.call('HGETALL', stats)
  for i = 1, #fields, 2 do
    if string.sub(fields[i], 1, #start) == start then sum = sum + tonumber(fields[i + 1]) end
  end
  return sum
end
`;

/**
 * `noteDeaths(incidents, stats, now, kind, deaths, standing, out, again)`: counts deaths into the incident of an event type,
 * each {cause (class:status), count, since (when they began to fail)}, and opens it if it is not open. It remembers
 * what was delivered by then: whatever is delivered later shows that the endpoint works. `standing`: how many of
 * their dead letters stood there before, and leave no further one. `out`: how many had been replayed, and are not
 * on their way any more. `again`: how many had been counted before, in the same incident.
 */
export const NOTE_DEATHS = `
${DELIVERED_OF}local function noteDeaths(incidents, stats, now, kind, deaths, standing, out, again)
  if #deaths == 0 then return end
  local of = kind .. ':'
  redis.call('HSETNX', incidents, of .. 'openedAt', now)
  for _, death in ipairs(deaths) do
    redis.call('HINCRBY', incidents, of .. 'count', death.count)
    redis.call('HINCRBY', incidents, of .. 'left', death.count)
    redis.call('HINCRBY', incidents, of .. 'of:' .. death.cause, death.count)
    local since = redis.call('HGET', incidents, of .. 'failingSince')
    if not since or death.since < tonumber(since) then
      redis.call('HSET', incidents, of .. 'failingSince', death.since)
    end
  end
  local delivered = string.format('%d', deliveredOf(stats, kind))
  redis.call('HSET', incidents, of .. 'lastAt', now, of .. 'delivered', delivered)
  if standing > 0 then redis.call('HINCRBY', incidents, of .. 'left', -standing) end
  if again > 0 then
    redis.call('HINCRBY', incidents, of .. 'diedAgain', again)
    redis.call('HINCRBY', incidents, of .. 'count', -again)
  end
  if out > 0 then
    local replayed = tonumber(redis.call('HGET', incidents, of .. 'replayed') or 0)
    redis.call('HSET', incidents, of .. 'replayed', math.max(0, replayed - out))
  end
end
`;

/**
 * `noteTaken(stats, incidents, taken, replayed)`: `taken`: how many dead letters of each type were removed. Replayed
 * ones may still show whether the endpoint works.
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
