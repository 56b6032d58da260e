import { KEEP_CLOSED_MS } from '../../core/incident.ts';

/** A course has no more fields, but for what one settlement adds. */
const MOST_FIELDS = 400;

/** For how long a course is kept without an incident: longer than the retries of an event take by default. */
const KEEP_QUIET_MS = 6 * 3_600_000;

/**
 * `noteCourse(course, incidents, order)`: counts the attempts of a settlement into the course of its endpoint, a hash of
 * `<minute>:<class>:<status>` (the minute in which the span began). `order`: `type`, `now`, `failures` (their numbers by
 * `<class>:<status>`; absent: none), `judged` (failures among them that are about the event; absent: none), and `counters`. It begins
 * with the first failure, and is forgotten seven days after the last one, or six hours if there is no
 * incident. If it is full, what is older than these six hours goes, or a span lasts twice as long (`width`, minutes).
 * `run` and `runFrom`: judged failures since the last delivery, and when the first of them was settled.
 */
export const NOTE_COURSE = `
local function shrinkCourse(course, isOpen, now)
  local width = tonumber(redis.call('HGET', course, 'width') or 1)
  local oldest = isOpen and 0 or math.floor((now - ${KEEP_QUIET_MS}) / 60000)
  local fields, counts, dropped = redis.call('HGETALL', course), {}, 0
  for i = 1, #fields, 2 do
    local minute = tonumber(string.match(fields[i], '^(%d+):') or '')
    if minute and minute < oldest then dropped = dropped + 1 end
  end
  if dropped * 4 < ${MOST_FIELDS} then width = width * 2 end
  for i = 1, #fields, 2 do
    local minute, what = string.match(fields[i], '^(%d+)(:.*)$')
    local field = fields[i]
    if minute then
      -- An endpoint that makes up statuses fills a day by itself.
      if width > 1440 then what = ':others:0' end
      field = string.format('%d', math.floor(minute / width) * width) .. what
    end
    if not minute or tonumber(minute) >= oldest then
      counts[field] = (counts[field] or 0) + fields[i + 1]
    end
  end
  counts.width = width
  local expiry = redis.call('PTTL', course)
  redis.call('DEL', course)
  for field, count in pairs(counts) do redis.call('HSET', course, field, string.format('%d', count)) end
  redis.call('PEXPIRE', course, expiry)
end
local function noteCourse(course, incidents, order)
  -- All that a healthy endpoint has to do with it.
  if not order.failures and redis.call('EXISTS', course) == 0 then return end
  local isOpen = redis.call('HEXISTS', incidents, order.type .. ':openedAt') == 1
  local width = tonumber(redis.call('HGET', course, 'width') or 1)
  local minute = string.format('%d:', math.floor(order.now / 60000 / width) * width)
  local delivered = false
  for field, count in pairs(order.counters) do
    local status = string.match(field, '^delivered:.*:(%d+)$')
    if status then
      redis.call('HINCRBY', course, minute .. 'delivered:' .. status, count)
      delivered = true
    end
  end
  if delivered then
    redis.call('HDEL', course, 'run', 'runFrom')
  elseif order.judged and order.judged > 0 then
    redis.call('HINCRBY', course, 'run', order.judged)
    redis.call('HSETNX', course, 'runFrom', order.now)
  end
  if order.failures then
    for what, count in pairs(order.failures) do redis.call('HINCRBY', course, minute .. what, count) end
    redis.call('PEXPIRE', course, isOpen and ${KEEP_CLOSED_MS} or ${KEEP_QUIET_MS})
  end
  if redis.call('HLEN', course) > ${MOST_FIELDS} then shrinkCourse(course, isOpen, order.now) end
end
`;
